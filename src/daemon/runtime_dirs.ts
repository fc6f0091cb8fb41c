import { describeError, SentinelError } from "../core/errors.ts";
import { lstatIfExists } from "../core/files.ts";
import { dirname } from "../core/paths.ts";

/** A file or folder that the daemon needs cannot be made (exit status 2). */
export class PlaceError extends SentinelError {
  constructor(path: string, cause: unknown) {
    super("config.place", `${path} cannot be made (${describeError(cause)})`, { cause });
  }
}

/** Of a folder and those that it is in, which are to be made, outermost first; and which one is there. */
interface MissingFolders {
  readonly missing: readonly string[];
  readonly there: string;
}

/** @throws {PlaceError} where we may not look, or the name is none. */
async function findMissingFolders(path: string): Promise<MissingFolders> {
  const missing: string[] = [];
  let there = path;
  try {
    for (; await lstatIfExists(there) === undefined; there = dirname(there)) missing.unshift(there);
  } catch (error) {
    throw new PlaceError(path, error);
  }
  return { missing, there };
}

/**
 * Makes a file or a folder.
 *
 * @returns Whether it was us who made it: another daemon may start at the same time.
 * @throws {PlaceError}
 */
async function makePlace(path: string, make: () => Promise<void>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw new PlaceError(path, error);
  }
}

/** Folders that were made, outermost first. */
interface CreatedDirectories {
  /** Removes those of them that nothing is in. */
  remove(): Promise<void>;
}

/**
 * Makes the folders that these files are to be in, where they are missing, for nobody but us (0700).
 *
 * @throws {PlaceError} and then none is left of them.
 */
export async function makeFoldersOf(paths: readonly string[]): Promise<CreatedDirectories> {
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

/** What a daemon is to have before it is another user's. */
interface UserDirectories {
  readonly folders: readonly string[];
  /** Files, with their modes; the folders that they are in as well. */
  readonly files: readonly { readonly path: string; readonly mode: number }[];
  readonly userId: number;
  readonly groupId: number;
}

/** What was made, to be undone where the start fails. */
export interface CreatedUserDirectories {
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
export async function createUserDirectories(
  places: UserDirectories,
): Promise<CreatedUserDirectories> {
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

type Owner = Pick<UserDirectories, "userId" | "groupId">;

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
  if (await lstatIfExists(path) !== undefined || !await isRootsAlone(dirname(path))) return false;
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
