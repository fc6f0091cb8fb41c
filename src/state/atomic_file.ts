import { openFresh } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";

/**
 * Replaces a file's content: whoever reads it, also after a power failure, finds the old content or the new one.
 *
 * Writes a temporary file in the same folder, syncs it, and gives it the name for good. Its own name is fixed, so that a
 * write that was killed leaves at most one behind, whose place the next one takes; one that failed leaves none. Only the
 * holder of the folder's lock may write.
 */
export async function writeAtomically(path: string, content: Uint8Array): Promise<void> {
  const temporary = path + ".tmp";
  try {
    await writeDurably(temporary, content);
    await selectPlatform().replaceFile(temporary, path);
  } catch (error) {
    // on a full disk it would take what little is left
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writeDurably(path: string, content: Uint8Array): Promise<void> {
  using file = await openFresh(path, { mode: 0o600 });
  let rest = content;
  while (rest.length > 0) rest = rest.subarray(await file.write(rest));
  await file.sync();
}

/** Removes a file for good, if it is there. */
export async function removeDurably(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  await selectPlatform().syncFolder(path);
}

/** The file's bytes, or `undefined` where there is none. */
export async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
