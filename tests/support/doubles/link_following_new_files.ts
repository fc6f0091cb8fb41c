import type { NewFile, NewFilesOutcome } from "../../../src/core/files.ts";

export * from "../../../src/core/files.ts";

/** For `src/core/files.ts`: writes over whatever is there. */
export async function writeNewFiles(files: readonly NewFile[]): Promise<NewFilesOutcome> {
  for (const { path, text, mode } of files) await Deno.writeTextFile(path, text, { mode });
  return { kind: "written" };
}
