import { dirname } from "@std/path/posix";

/** rename(2), kept by a sync of the folder (fsync(2)). */
export async function replaceFile(from: string, to: string): Promise<void> {
  await Deno.rename(from, to);
  await syncFolder(to);
}

/** Keeps what became of the names in the folder of a file. */
export async function syncFolder(path: string): Promise<void> {
  using folder = await Deno.open(dirname(path));
  await folder.sync();
}
