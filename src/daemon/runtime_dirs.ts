import { describeError, SentinelError } from "../core/errors.ts";
import { lstatIfExists } from "../core/files.ts";
import { dirname } from "../core/paths.ts";

/** A file or folder that the daemon needs cannot be created (exit status 2). */
export class CreateError extends SentinelError {
  constructor(path: string, cause: unknown) {
    super("config.place", `${path} cannot be created (${describeError(cause)})`, { cause });
  }
}

/** The part of a path that does not exist, outermost folder first, and the deepest folder that does. */
interface MissingDirectories {
  readonly missing: readonly string[];
  readonly existing: string;
}

/** @throws {CreateError} if the path cannot be read. */
async function findMissingDirectories(path: string): Promise<MissingDirectories> {
  const missing: string[] = [];
  let existing = path;
  try {
    for (; await lstatIfExists(existing) === undefined; existing = dirname(existing)) {
      missing.unshift(existing);
    }
  } catch (error) {
    throw new CreateError(path, error);
  }
  return { missing, existing };
}

/**
 * Creates a file or folder with `make`.
 *
 * @returns False if it already existed: another daemon may be starting at the same time.
 * @throws {CreateError}
 */
async function createIfMissing(path: string, make: () => Promise<void>): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return false;
    throw new CreateError(path, error);
  }
}

/** Files and folders that were created, to be removed if the start fails. */
export interface CreatedDirectories {
  /** Removes them, except folders that are no longer empty. */
  remove(): Promise<void>;
}

/**
 * Creates the missing parent folders of these files, with mode 0700.
 *
 * @throws {CreateError} if one cannot be created; the others are removed then.
 */
export async function createParentDirectories(
  paths: readonly string[],
): Promise<CreatedDirectories> {
  const created: string[] = [];
  const remove = async () => {
    for (const folder of created.toReversed()) await Deno.remove(folder).catch(() => {});
  };
  try {
    for (const path of paths) {
      const { missing } = await findMissingDirectories(dirname(path));
      for (const folder of missing) {
        if (await createIfMissing(folder, () => Deno.mkdir(folder, { mode: 0o700 }))) {
          created.push(folder);
        }
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { remove };
}

/** Files and folders of a daemon that root starts as another user. */
interface UserDirectories {
  readonly folders: readonly string[];
  /** Files with their modes; their parent folders are created as well. */
  readonly files: readonly { readonly path: string; readonly mode: number }[];
  readonly userId: number;
  readonly groupId: number;
}

/** Mode bits: writable by group or others; restricted deletion (chmod(1)). */
const SHARED_BITS = 0o022, STICKY_BIT = 0o1000;

/**
 * Creates, as root, missing folders and files where only root can write. Elsewhere the daemon creates them later as its
 * own user: another user could replace a name by a link to one of root's files between two steps.
 *
 * @throws {CreateError} if one cannot be created; the others are removed then.
 */
export async function createUserDirectories(
  directories: UserDirectories,
): Promise<CreatedDirectories> {
  const created: string[] = [];
  const remove = async () => {
    for (const path of created.toReversed()) await Deno.remove(path).catch(() => {});
  };
  try {
    for (const folder of directories.folders) {
      created.push(...await createDirectory(folder, directories));
    }
    for (const { path, mode } of directories.files) {
      const folders = await createDirectory(dirname(path), directories);
      created.push(...folders);
      // in a folder of its own, the daemon creates the file
      if (folders.length === 0 && await createFile(path, { mode, owner: directories })) {
        created.push(path);
      }
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { remove };
}

type Owner = Pick<UserDirectories, "userId" | "groupId">;

/** Returns the folders that were created, outermost first. */
async function createDirectory(path: string, owner: Owner): Promise<string[]> {
  const { missing, existing } = await findMissingDirectories(path);
  if (missing.length === 0 || !await isWritableOnlyByRoot(existing)) return [];
  const created: string[] = [];
  for (const path of missing) {
    // another daemon, which starts at the same time, creates the rest
    if (!await createIfMissing(path, () => Deno.mkdir(path, { mode: 0o700 }))) break;
    created.push(path);
  }
  // innermost first, as the new owner may change what is inside
  for (const path of created.toReversed()) await Deno.chown(path, owner.userId, owner.groupId);
  return created;
}

/** Returns false if the file exists or the daemon is to create it. */
async function createFile(
  path: string,
  { mode, owner }: { mode: number; owner: Owner },
): Promise<boolean> {
  if (await lstatIfExists(path) !== undefined || !await isWritableOnlyByRoot(dirname(path))) {
    return false;
  }
  const options = { write: true, createNew: true, mode };
  if (!await createIfMissing(path, async () => (await Deno.open(path, options)).close())) {
    return false;
  }
  await Deno.chown(path, owner.userId, owner.groupId);
  return true;
}

/** Whether the folder exists and only root can replace a name on the path to it or inside it. */
export async function isWritableOnlyByRoot(folder: string): Promise<boolean> {
  const real = await Deno.realPath(folder).catch(() => undefined);
  if (real === undefined) return false;
  for (let path = real;; path = dirname(path)) {
    const { isDirectory, uid, mode } = await Deno.lstat(path);
    const isShared = (mode! & SHARED_BITS) !== 0 && (mode! & STICKY_BIT) === 0;
    if (!isDirectory || uid !== 0 || isShared) return false;
    if (path === "/") return true;
  }
}
