import { releaseLock } from "../core/release_lock.ts";
import { AlreadyServingError, SocketPlaceError } from "./errors.ts";

/** How often the lock file may vanish between opening and locking before that is no coincidence. */
const MAX_TRIES = 100;

/** An exclusive lock (flock(2)) on a file of ours, held until it is closed or the process ends. */
export interface FileLock {
  readonly file: Deno.FsFile;
  /** Removes the file, then lets go of the lock. */
  removeAndRelease(): Promise<void>;
  /** Lets go of the lock; the file stays. */
  release(): void;
}

/**
 * Takes the lock beside a socket. A holder removes the file before it lets go, so who gets the lock looks whether the
 * path still names the file that was locked, and begins again where it does not.
 *
 * @param socket The socket's path, for the error.
 * @throws {AlreadyServingError} Somebody else holds it.
 * @throws {SocketPlaceError} `permission.ipc_path` where the file is not ours, or is a link or no file at all.
 */
export async function takeLock(
  socket: string,
  { path, ownUser }: { path: string; ownUser: number },
): Promise<FileLock> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const file = await openOwn(path, ownUser);
    if (file === undefined) continue;
    try {
      if (!await file.tryLock(true)) throw new AlreadyServingError(socket);
      if (await stillNames(path, file)) return lockOn(path, file);
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
  throw new SocketPlaceError("config.ipc_path", `Cannot lock ${path}: it keeps vanishing`);
}

function lockOn(path: string, file: Deno.FsFile): FileLock {
  return {
    file,
    async removeAndRelease() {
      try {
        if (await stillNames(path, file)) await Deno.remove(path);
      } finally {
        releaseLock(file);
      }
    },
    release: () => releaseLock(file),
  };
}

/** Opens the file without following a link; `undefined` where it came or went meanwhile. */
async function openOwn(path: string, ownUser: number): Promise<Deno.FsFile | undefined> {
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw unusable(path, error);
  }
  const info = await lstatOrNothing(path);
  if (info === undefined) return undefined;
  checkOwn(path, info, ownUser);
  return await openExisting(path);
}

async function openExisting(path: string): Promise<Deno.FsFile | undefined> {
  try {
    const file = await Deno.open(path, { read: true, write: true });
    if (await stillNames(path, file)) return file;
    file.close();
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unusable(path, error);
  }
}

/** A second name of the file would be a way to have us write into another file of ours. */
function checkOwn(path: string, info: Deno.FileInfo, ownUser: number): void {
  const wrong = !info.isFile
    ? "it is not a file"
    : info.uid !== ownUser
    ? `it belongs to user ${info.uid}`
    : (info.nlink ?? 1) > 1
    ? "it has a second name"
    : undefined;
  if (wrong !== undefined) {
    throw new SocketPlaceError("permission.ipc_path", `Cannot lock ${path}: ${wrong}`);
  }
}

async function stillNames(path: string, file: Deno.FsFile): Promise<boolean> {
  const [named, open] = await Promise.all([lstatOrNothing(path), file.stat()]);
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

async function lstatOrNothing(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function unusable(path: string, cause: unknown): SocketPlaceError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SocketPlaceError("permission.ipc_path", `Cannot lock ${path}: ${why}`);
}
