import { lstatIfThere } from "./lstat_if_there.ts";

/** A text file to be made. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  /** Permission bits; nobody sees the file with others. */
  readonly mode: number;
}

export type NewFilesOutcome =
  | { readonly kind: "written" }
  /** Nothing was written. */
  | { readonly kind: "exists"; readonly path: string };

/**
 * Makes files none of which may be there yet, not even as a dangling link: all of them or none. They are on disk when it
 * returns.
 *
 * @throws what the system says where one cannot be written; the others are gone then.
 */
export async function writeNewFiles(files: readonly NewFile[]): Promise<NewFilesOutcome> {
  for (const { path } of files) {
    if (await lstatIfThere(path) !== undefined) return { kind: "exists", path };
  }
  await using undo = new AsyncDisposableStack();
  for (const { path, text, mode } of files) {
    using file = await openNew(path, mode);
    if (file === undefined) return { kind: "exists", path };
    undo.defer(() => Deno.remove(path));
    let rest = new TextEncoder().encode(text);
    while (rest.length > 0) rest = rest.subarray(await file.write(rest));
    await file.sync();
  }
  undo.move();
  return { kind: "written" };
}

async function openNew(path: string, mode: number): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { write: true, createNew: true, mode });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}
