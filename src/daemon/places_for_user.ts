import { lstatIfThere } from "../core/lstat_if_there.ts";
import { dirname } from "../core/paths.ts";
import { findMissingFolders, makePlace } from "./make_place.ts";

/** What a daemon is to have before it is another user's. */
export interface PlacesForUser {
  readonly folders: readonly string[];
  /** Files, with their modes; the folders that they are in as well. */
  readonly files: readonly { readonly path: string; readonly mode: number }[];
  readonly userId: number;
  readonly groupId: number;
}

/** What was made, to be undone where the start fails. */
export interface MadePlaces {
  remove(): Promise<void>;
}

/** Bits of a mode: writable by group or others; what is in it belongs to whom it belongs (chmod(1)). */
const SHARED_BITS = 0o022, STICKY_BIT = 0o1000;

/**
 * Makes, as root, what the user could not: missing folders and files where nobody but root can write. A place that anybody
 * else can write to is left to the user himself, as a name in it may be exchanged for a link to a file of root's between
 * any two steps of ours.
 *
 * @throws {PlaceError} and then nothing is left of it.
 */
export async function makePlacesForUser(places: PlacesForUser): Promise<MadePlaces> {
  const made: string[] = [];
  const remove = async () => {
    for (const path of made.toReversed()) await Deno.remove(path).catch(() => {});
  };
  try {
    for (const folder of places.folders) made.push(...await makeFolder(folder, places));
    for (const { path, mode } of places.files) {
      const folders = await makeFolder(dirname(path), places);
      made.push(...folders);
      // in a folder of his own he makes it himself
      if (folders.length === 0 && await makeFile(path, { mode, owner: places })) made.push(path);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { remove };
}

type Owner = Pick<PlacesForUser, "userId" | "groupId">;

/** The folders that were missing, outermost first. */
async function makeFolder(path: string, owner: Owner): Promise<string[]> {
  const { missing, there } = await findMissingFolders(path);
  if (missing.length === 0 || !await isRootsAlone(there)) return [];
  const made: string[] = [];
  for (const path of missing) {
    // another start was faster, and makes the rest
    if (!await makePlace(path, () => Deno.mkdir(path, { mode: 0o700 }))) break;
    made.push(path);
  }
  // from within: what is given away is the user's to change
  for (const path of made.toReversed()) await Deno.chown(path, owner.userId, owner.groupId);
  return made;
}

/** False where there is one, or it is not for us to make. */
async function makeFile(
  path: string,
  { mode, owner }: { mode: number; owner: Owner },
): Promise<boolean> {
  if (await lstatIfThere(path) !== undefined || !await isRootsAlone(dirname(path))) return false;
  const options = { write: true, createNew: true, mode };
  if (!await makePlace(path, async () => (await Deno.open(path, options)).close())) return false;
  await Deno.chown(path, owner.userId, owner.groupId);
  return true;
}

/** Whether there is the folder, and nobody else can exchange a name on the way to what root makes in it. */
export async function isRootsAlone(folder: string): Promise<boolean> {
  const real = await Deno.realPath(folder).catch(() => undefined);
  if (real === undefined) return false;
  for (let path = real;; path = dirname(path)) {
    const { isDirectory, uid, mode } = await Deno.lstat(path);
    const isShared = (mode! & SHARED_BITS) !== 0 && (mode! & STICKY_BIT) === 0;
    if (!isDirectory || uid !== 0 || isShared) return false;
    if (path === "/") return true;
  }
}
