import { describeError } from "./errors.ts";
import { lstatIfExists } from "./files.ts";

/**
 * Unlocks a locked file (flock(2)) and closes it. Closing alone would leave the lock to a child that has been forked but has
 * not yet executed its program: it holds the same open file until then.
 */
export function releaseLock(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Windows unlocks no file that was removed, and leaves none to children
  }
  file.close();
}

/** How often the lock file may vanish between opening and locking before that is no coincidence. */
const MAX_TRIES = 100;

/** An exclusive lock (flock(2)) on a file of ours, held until it is closed or the process ends. */
export interface FileLock {
  readonly file: Deno.FsFile;
  /** Removes the file, if it is still the one at its path; the lock stays. */
  remove(): Promise<void>;
  /** Removes the file, then lets go of the lock. */
  removeAndRelease(): Promise<void>;
  /** Lets go of the lock; the file stays. */
  release(): void;
}

/** What came of an attempt; `unusable` says why the file must not be locked. */
export type LockOutcome =
  | { readonly kind: "locked"; readonly lock: FileLock }
  | { readonly kind: "taken" }
  | { readonly kind: "unusable"; readonly why: string; readonly cause?: unknown };

interface LockOptions {
  /** The user whose file it must be. */
  readonly ownUser: number;
  /** Of a file that is made; 0600 by default. */
  readonly mode?: number;
}

/**
 * Takes the lock on a file, making it where there is none; links are not followed. A holder removes the file before it
 * lets go, so who gets the lock looks whether the path still names the file that was locked, and begins again where it
 * does not.
 */
export async function lockFile(
  path: string,
  { ownUser, mode = 0o600 }: LockOptions,
): Promise<LockOutcome> {
  for (let i = 0; i < MAX_TRIES; i++) {
    const opened = await openOwn(path, { ownUser, mode });
    if (opened === undefined) continue;
    if ("kind" in opened) return opened;
    try {
      if (!await opened.tryLock(true)) {
        opened.close();
        return { kind: "taken" };
      }
      if (await stillNames(path, opened)) return { kind: "locked", lock: lockOn(path, opened) };
    } catch (error) {
      releaseLock(opened);
      throw error;
    }
    opened.close();
  }
  return { kind: "unusable", why: "it keeps disappearing" };
}

function lockOn(path: string, file: Deno.FsFile): FileLock {
  const remove = async () => {
    if (await stillNames(path, file)) await Deno.remove(path);
  };
  return {
    file,
    remove,
    async removeAndRelease() {
      try {
        await remove();
      } finally {
        releaseLock(file);
      }
    },
    release: () => releaseLock(file),
  };
}

type Unusable = Extract<LockOutcome, { kind: "unusable" }>;

/** Opens the file without following a link; `undefined` where it came or went meanwhile. */
async function openOwn(
  path: string,
  { ownUser, mode }: Required<LockOptions>,
): Promise<Deno.FsFile | Unusable | undefined> {
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return unusable(error);
  }
  const info = await lstatIfExists(path);
  if (info === undefined) return undefined;
  const why = findFault(info, ownUser);
  return why === undefined ? await openExisting(path) : { kind: "unusable", why };
}

async function openExisting(path: string): Promise<Deno.FsFile | Unusable | undefined> {
  try {
    const file = await Deno.open(path, { read: true, write: true });
    if (await stillNames(path, file)) return file;
    file.close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : unusable(error);
  }
}

/** A second name of the file would be a way to have us write into another file of ours. */
function findFault(info: Deno.FileInfo, ownUser: number): string | undefined {
  if (!info.isFile) return "it is not a file";
  // a system without uids tells owners in another way, and keeps others out of the folder
  if ((info.uid ?? ownUser) !== ownUser) return `it belongs to user ${info.uid}`;
  return (info.nlink ?? 1) > 1 ? "it has a second name" : undefined;
}

async function stillNames(path: string, file: Deno.FsFile): Promise<boolean> {
  const [named, open] = await Promise.all([lstatIfExists(path), file.stat()]);
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function unusable(cause: unknown): Unusable {
  return { kind: "unusable", why: describeError(cause), cause };
}

/** Waits beside others for a lock that somebody holds. */
interface SharedWait extends Disposable {
  /** Resolves once nobody holds the lock exclusively any more. */
  readonly locked: Promise<void>;
}

/**
 * Waits for the end of whoever holds a file's lock, that of its process included. The waiting cannot be called off, other
 * than by our own end.
 */
export async function waitForLock(path: string): Promise<SharedWait> {
  const file = await Deno.open(path);
  return {
    locked: file.lock(false),
    [Symbol.dispose]: () => file.close(),
  };
}
