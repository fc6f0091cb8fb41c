import { fromFileUrl } from "@std/path";
import type { Build } from "../src/core/build.ts";
import { resolve } from "../src/core/paths.ts";
import { BuildError } from "./build_all.ts";
import { PERMISSIONS } from "./permissions.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

export interface TargetRequest {
  readonly build: Build;
  readonly target: string;
  /** Of the executable. */
  readonly path: string;
  readonly preload: string | undefined;
  readonly runtimePath: string | undefined;
  readonly compilerPath: string;
}

/**
 * Bundles the program with what it is built with, and compiles that.
 *
 * @throws {BuildError}
 */
export async function compileTarget(request: TargetRequest): Promise<void> {
  const { build, target, path, runtimePath, compilerPath } = request;
  if (runtimePath !== undefined && target !== Deno.build.target) {
    throw new BuildError(
      `DENORT_BIN is for this machine alone (${Deno.build.target}), not ${target}`,
    );
  }
  await Deno.mkdir(`${ROOT}dist`, { recursive: true });
  // one build at a time, as the folder's name, which must not change, ends up in the executable
  using lock = await Deno.open(`${ROOT}dist/build.lock`, { write: true, create: true });
  await lock.lock(true);
  const folder = `${ROOT}dist/build`;
  await removeFolder(folder);
  await Deno.mkdir(folder);
  try {
    await Deno.writeTextFile(`${folder}/sentinel.ts`, entryOf(request));
    await run(Deno.execPath(), {
      what: "cannot bundle the program",
      args: [
        "bundle",
        "--quiet",
        "--code-splitting",
        "--outdir",
        `${folder}/program`,
        `${folder}/sentinel.ts`,
      ],
    });
    await setTimes(`${folder}/program`, build);
    const compiling = runtimePath === undefined ? ["--target", target] : ["--no-check"];
    await run(compilerPath, {
      what: runtimePath === undefined
        ? `cannot compile for ${target}: its runtime is not at hand; DENORT_BIN may name one (denort of this version)`
        : `cannot compile with ${runtimePath}`,
      cwd: `${folder}/program`,
      env: runtimePath === undefined ? {} : { DENORT_BIN: runtimePath },
      args: [
        ...["compile", "--quiet", "--no-prompt", "--no-config", ...compiling, ...PERMISSIONS],
        ...["--output", path, "sentinel.js"],
      ],
    });
  } finally {
    await removeFolder(folder);
  }
}

/** They end up in the executable. */
async function setTimes(folder: string, { builtAt }: Build): Promise<void> {
  const time = new Date(builtAt ?? 0);
  for await (const { name } of Deno.readDir(folder)) {
    await Deno.utime(`${folder}/${name}`, time, time);
  }
}

function entryOf({ build, preload }: TargetRequest): string {
  const before = preload === undefined ? "" : `import ${JSON.stringify(resolve(preload))};\n`;
  return `${before}import { main } from "../../src/cli/main.ts";
Deno.exit(await main(Deno.args, { build: ${JSON.stringify(build)} }));
`;
}

interface Step {
  /** What is said where it fails. */
  readonly what: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function run(program: string, { what, args, cwd = ROOT, env = {} }: Step): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd,
    env: { NO_COLOR: "1", ...env },
    stdout: "null",
  }).output();
  if (success) return;
  throw new BuildError(`${what} (${reasonOf(new TextDecoder().decode(stderr))})`);
}

/** The deepest cause that the compiler names, else its error. */
function reasonOf(stderr: string): string {
  const lines = stderr.trim().split("\n");
  const [cause = lines.find((line) => line.startsWith("error: ")) ?? lines.at(-1) ?? ""] = lines
    .filter((line) => /^ +\d+: /.test(line) && !line.endsWith("<unknown>")).reverse();
  return cause.replace(/^(?: *\d+|error): /, "");
}

/** What a build that was killed left behind goes as well. */
async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
