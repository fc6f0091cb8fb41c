import type { Build } from "../../core/build.ts";
import { BuildError } from "./build_error.ts";
import { ENTRY, MAIN } from "./program_modules.ts";
import { type DenoTool, faultLine, runDeno } from "./run_deno.ts";
import type { Target } from "./targets.ts";

/** One program to be compiled. */
export interface CompileRequest {
  /** With the program's modules; the entry is written into it. */
  readonly folder: string;
  readonly target: Target;
  readonly build: Build;
  /** A module of the folder that is run first. */
  readonly firstModule?: string | undefined;
  /** The program's file. */
  readonly output: string;
}

/**
 * What holds for every program. The code cache is off because the runtime keeps it in a file of the temporary folder, where
 * whoever comes first writes what others run (docs/decisions/090-standalone.md).
 */
const FLAGS = [
  ...["--quiet", "--no-prompt", "--no-code-cache"],
  ...["--no-check", "--no-config", "--no-lock", "--no-npm", "--no-remote"],
];

/** Compiles a program. @throws {BuildError} */
export async function compileProgram(deno: DenoTool, request: CompileRequest): Promise<void> {
  const { folder, target, build, output } = request;
  const entry = `${folder}/${ENTRY}`;
  await Deno.writeTextFile(entry, entryModule(request));
  await setTimes(folder);
  const { success, stderr } = await runDeno(deno, [
    ...["compile", ...FLAGS, "--target", target],
    ...build.permissions ?? [],
    ...["--output", output, entry],
  ]);
  if (success) return;
  if (/\bdenort\b|base binary/.test(stderr)) throw missingRuntime(target);
  throw new BuildError(`${target} cannot be compiled: ${faultLine(stderr)}`);
}

/** The files' times go into the program, which is to be the same whenever it is made. */
async function setTimes(folder: string): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) await Deno.utime(`${folder}/${name}`, 0, 0);
  await Deno.utime(folder, 0, 0);
}

/** The `main.ts` of a compiled program, and so what exits there: the program, with what is fixed for it. */
function entryModule({ build, firstModule }: CompileRequest): string {
  return [
    ...(firstModule === undefined ? [] : [`import "./${firstModule}";`]),
    `import { main } from "./${MAIN}";`,
    `Deno.exit(await main(Deno.args, { build: ${JSON.stringify(build)} }));`,
    "",
  ].join("\n");
}

function missingRuntime(target: Target): BuildError {
  return new BuildError(
    `no runtime for ${target}: deno compile could not download it; DENORT_BIN may name one (denort of this very release)`,
  );
}
