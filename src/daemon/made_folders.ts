import { dirname } from "../core/paths.ts";
import { findMissingFolders, makePlace } from "./make_place.ts";

/** Folders that were made, outermost first. */
export interface MadeFolders {
  /** Removes those of them that nothing is in. */
  remove(): Promise<void>;
}

/**
 * Makes the folders that these files are to be in, where they are missing, for nobody but us (0700).
 *
 * @throws {PlaceError} and then none is left of them.
 */
export async function makeFoldersOf(paths: readonly string[]): Promise<MadeFolders> {
  const made: string[] = [];
  const remove = async () => {
    for (const folder of made.toReversed()) await Deno.remove(folder).catch(() => {});
  };
  try {
    for (const path of paths) {
      const { missing } = await findMissingFolders(dirname(path));
      for (const folder of missing) {
        if (await makePlace(folder, () => Deno.mkdir(folder, { mode: 0o700 }))) made.push(folder);
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { remove };
}
