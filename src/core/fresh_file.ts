/**
 * Opens a new file for writing in the place of whatever is there. A link that somebody put there is removed and not
 * followed, so that nothing else of ours is written over.
 *
 * @param options `mode`: permission bits.
 */
export async function openFresh(path: string, { mode }: { mode: number }): Promise<Deno.FsFile> {
  const options = { write: true, createNew: true, mode };
  try {
    return await Deno.open(path, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  await Deno.remove(path);
  return await Deno.open(path, options);
}

/** Writes a whole file as {@linkcode openFresh} opens it, at once. */
export function writeFreshSync(path: string, text: string, { mode }: { mode: number }): void {
  const options = { createNew: true, mode };
  try {
    return Deno.writeTextFileSync(path, text, options);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  Deno.removeSync(path);
  Deno.writeTextFileSync(path, text, options);
}
