import { fromFileUrl } from "@std/path";
import { isTarget, type Target } from "../../src/vendor/build/targets.ts";
import { programFileName } from "../../src/vendor/build/targets.ts";
import type { Requirement } from "./requirements.ts";
import type { ProgramResult } from "./program.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** The file of a program for this machine. */
export const STANDALONE = isTarget(Deno.build.target)
  ? programFileName("customer", Deno.build.target as Target)
  : "";

/** For tests that compile: a network they do not ask for. */
export const COMPILER: Requirement = {
  reason: "no runtime to compile with (BUILD_DENO, DENORT_BIN)",
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
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const utf8 = new TextDecoder();
  return { code, stdout: utf8.decode(stdout), stderr: utf8.decode(stderr) };
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

/** Compiles the program into a folder; its path. */
export async function compileProgram(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, stderr } = await compile([...PRELOAD, "--out", folder, ...args], env);
  if (code !== 0) throw new Error(`Cannot compile:\n${stderr}`);
  return `${folder}/${STANDALONE}`;
}
