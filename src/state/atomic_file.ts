import { ifExists, replaceContent } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";

/** Replaces a file's content, on disk when it returns. Only the holder of the folder's lock may write. */
export async function writeAtomically(path: string, content: Uint8Array): Promise<void> {
  const rename = selectPlatform().replaceFile;
  await replaceContent(path, content, { mode: 0o600, rename });
}

/** Removes a file for good, if it is there. */
export async function removeDurably(path: string): Promise<void> {
  const isRemoved = await ifExists(Deno.remove(path).then(() => true)) ?? false;
  if (isRemoved) await selectPlatform().syncFolder(path);
}
