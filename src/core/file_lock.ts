import { describeError } from "./errors.ts";
import { lstatIfExists } from "./files.ts";

/**
 * Unlocks a locked file (flock(2)) and closes it. Closing alone is not enough: a child between fork and exec shares the open
 * file and would keep the lock.
 */
export function releaseLock(file: Deno.FsFile): void {
  try {
    file.unlockSync();
  } catch {
    // Windows cannot unlock a removed file; its children do not inherit locks
  }
  file.close();
}

/** Attempts to lock a file that keeps disappearing between open and lock. */
const MAX_TRIES = 100;

/** An exclusive lock (flock(2)) on a file of our user, held until it is released or the process exits. */
export interface FileLock {
  readonly file: Deno.FsFile;
  /** Removes the file if the path still names it; keeps the lock. */
  remove(): Promise<void>;
  /** Removes the file, then releases the lock. */
  removeAndRelease(): Promise<void>;
  /** Releases the lock and keeps the file. */
  release(): void;
}

/** Result of {@linkcode lockFile}; `why` completes a sentence such as `it is not a file`. */
export type LockOutcome =
  | { readonly kind: "locked"; readonly lock: FileLock }
  | { readonly kind: "taken" }
  | { readonly kind: "unusable"; readonly why: string; readonly cause?: unknown };

interface LockOptions {
  /** Uid that must own the file. */
  readonly ownUser: number;
  /** Permission bits of a new file; 0600 by default. */
  readonly mode?: number;
}

/**
 * Locks a file without waiting, and creates it if it does not exist; does not follow links. A holder may remove the file
 * before it releases the lock, so a new holder checks that the path still names the locked file, and retries if not.
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
      if (await isNamedBy(path, opened)) return { kind: "locked", lock: lockOn(path, opened) };
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
    if (await isNamedBy(path, file)) await Deno.remove(path);
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

/** Opens the file without following a link; `undefined` if it appeared or disappeared meanwhile. */
async function openOwn(
  path: string,
  { ownUser, mode }: Required<LockOptions>,
): Promise<Deno.FsFile | Unusable | undefined> {
  try {
    return await Deno.open(path, { read: true, write: true, createNew: true, mode });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) return createUnusable(error);
  }
  const info = await lstatIfExists(path);
  if (info === undefined) return undefined;
  const why = findFault(info, ownUser);
  return why === undefined ? await openExisting(path) : { kind: "unusable", why };
}

async function openExisting(path: string): Promise<Deno.FsFile | Unusable | undefined> {
  try {
    const file = await Deno.open(path, { read: true, write: true });
    if (await isNamedBy(path, file)) return file;
    file.close();
    return undefined;
  } catch (error) {
    return error instanceof Deno.errors.NotFound ? undefined : createUnusable(error);
  }
}

/** Rejects hard links too: through one, a caller could make us write to another file of ours. */
function findFault(info: Deno.FileInfo, ownUser: number): string | undefined {
  if (!info.isFile) return "it is not a file";
  // on a system without uids, the folder's permissions keep other users out
  if ((info.uid ?? ownUser) !== ownUser) return `it belongs to user ${info.uid}`;
  return (info.nlink ?? 1) > 1 ? "it has a second name" : undefined;
}

async function isNamedBy(path: string, file: Deno.FsFile): Promise<boolean> {
  const [named, open] = await Promise.all([lstatIfExists(path), file.stat()]);
  return named !== undefined && named.ino === open.ino && named.dev === open.dev;
}

function createUnusable(cause: unknown): Unusable {
  return { kind: "unusable", why: describeError(cause), cause };
}

/** Waits for a lock that another process holds. */
interface SharedWait extends Disposable {
  /** Resolves when no process holds the exclusive lock. */
  readonly locked: Promise<void>;
}

/**
 * Waits until the holder of a file's lock releases it or exits. The wait cannot be canceled; it ends with our process at
 * the latest.
 */
export async function waitForLock(path: string): Promise<SharedWait> {
  const file = await Deno.open(path);
  return {
    locked: file.lock(false),
    [Symbol.dispose]: () => file.close(),
  };
}
