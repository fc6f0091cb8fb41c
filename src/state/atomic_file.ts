import { replaceContent } from "../core/replace_content.ts";
import { selectPlatform } from "../platform/select.ts";

/** Replaces a file's content, on disk when it returns. Only the holder of the folder's lock may write. */
export async function writeAtomically(path: string, content: Uint8Array): Promise<void> {
  const rename = selectPlatform().replaceFile;
  await replaceContent(path, content, { mode: 0o600, rename });
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
