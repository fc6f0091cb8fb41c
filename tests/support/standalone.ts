import { fromFileUrl } from "@std/path";
import { formatProgramFileName, type Target } from "../../src/packaging/targets.ts";
import { environment, type ProgramResult, resultOf } from "./program.ts";
import type { Requirement } from "./requirements.ts";
import { sharedFolder } from "./temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** The file of a program for this machine. */
export const STANDALONE = formatProgramFileName("customer", Deno.build.target as Target);

/** For tests that compile, which ask no network for a runtime. */
export const COMPILER: Requirement = {
  need: "a runtime to compile with (BUILD_DENO and DENORT_BIN)",
  met: Deno.env.has("DENORT_BIN"),
};

/** What the runtime that tests compile with has to be given first. */
const PRELOAD = ["--preload", "tests/fixtures/old_runtime.ts"];

/** Runs a program to its end, in the folder of the sources. */
export async function runStandalone(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  return await resultOf(program, {
    args: [...args],
    cwd: ROOT,
    clearEnv: true,
    env: { ...environment(), NO_COLOR: "1", ...env },
  });
}

/** `deno task compile`, with this machine's permissions for it. */
export function compile(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  const permissions = ["read", "write", "env", "run"].map((kind) => `--allow-${kind}`);
  const script = ["run", "--quiet", "--no-prompt", ...permissions, "build/compile.ts"];
  return runStandalone(Deno.execPath(), [...script, ...args], env);
}

const shared = new Map<string, Promise<string>>();

/** A program that tests share, compiled once and gone with this process; its path. */
export function sharedProgram(...args: string[]): Promise<string> {
  const key = args.join(" ");
  const program = shared.get(key) ?? compileShared(args);
  shared.set(key, program);
  return program;
}

async function compileShared(args: readonly string[]): Promise<string> {
  return await compileProgram(await sharedFolder(), args);
}

/** Compiles the program into a folder; its path. */
export async function compileProgram(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stdout, stderr } = await compile([...PRELOAD, "--out", folder, ...args], env);
  const [, path] = /^(.+?): /.exec(stdout) ?? [];
  if (code === 0 && path !== undefined) return path;
  throw new Error(`Cannot compile:\n${stderr}`);
}
