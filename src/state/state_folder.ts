import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import type { Platform } from "../platform/contract.ts";
import { ConfigError, describeError, SentinelError } from "../core/errors.ts";
import {
  getPermissionBits,
  ifExists,
  lstatIfExists,
  replaceContent,
  writeAll,
} from "../core/files.ts";
import { type FileLock, lockFile } from "../core/file_lock.ts";
import type { Logger } from "../core/log.ts";
import { selectPlatform } from "../platform/select.ts";

/**
 * Returns the folder that holds the state of all products.
 *
 * @param stateDir Overrides the default folder.
 * @throws {ConfigError} No folder is given and the home directory is unknown.
 */
export function resolveStateFolder(
  stateDir: string | undefined,
  { platform, env }: {
    platform: Pick<Platform, "defaultStateFolder">;
    env: Env;
  },
): string {
  const folder = stateDir ?? platform.defaultStateFolder(env);
  if (folder !== undefined) return folder;
  throw new ConfigError("config.state_dir", "no home directory is known: give --state-dir");
}

/**
 * Renames an unreadable file instead of deleting it, as support may need it.
 *
 * @returns The new path: the old one, `.unreadable-`, the time, and a number if that name exists.
 */
export async function quarantine(path: string, wallMs: number): Promise<string> {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  for (let number = 1;; number++) {
    const target = `${path}.unreadable-${stamp}${number === 1 ? "" : `-${number}`}`;
    if (await lstatIfExists(target) !== undefined) continue;
    await Deno.rename(path, target);
    return target;
  }
}

/** Replaces a file's content durably. Only the holder of the folder's lock may write. */
export async function writeAtomically(path: string, content: Uint8Array): Promise<void> {
  const rename = selectPlatform().replaceFile;
  await replaceContent(path, content, { mode: 0o600, rename });
}

/** Removes a file durably, if it exists. */
export async function removeDurably(path: string): Promise<void> {
  const isRemoved = await ifExists(Deno.remove(path).then(() => true)) ?? false;
  if (isRemoved) await selectPlatform().syncFolder(path);
}

/** The file in a product's folder with the text of the license that ran last. */
export const KEPT_LICENSE_FILE = "current.lic";

/** A state folder locked for one run until disposal. */
export interface StateFolder extends Disposable {
  readonly path: string;
  /** Returns the path of a file in the folder. */
  at(name: string): string;
}

export class StateFolderError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.state_folder", message, options);
  }
}

export class AlreadyRunningError extends SentinelError {
  constructor(pid: string) {
    super("running.license", `another sentinel is running for this license (pid ${pid})`);
  }
}

const GROUP_AND_OTHERS = 0o077;

/** Mode bits; inode(7). */
export const WRITE_OF_GROUP_AND_OTHERS = 0o022;

/**
 * Creates the folder (0700) if it is missing, and locks it (flock(2)).
 *
 * @throws {StateFolderError}
 * @throws {AlreadyRunningError} Another process holds the lock.
 */
export async function openStateFolder(
  path: string,
  { log, pid }: Pick<Host, "log" | "pid">,
): Promise<StateFolder> {
  try {
    await createFolder(path);
    checkMode(path, await Deno.stat(path), log);
    const lock = await takeLock(`${path}/lock`, pid);
    return {
      path,
      at: (name) => `${path}/${name}`,
      [Symbol.dispose]: () => lock.release(),
    };
  } catch (error) {
    if (error instanceof SentinelError) throw error;
    throw new StateFolderError(`state folder cannot be used: ${path} (${describeError(error)})`, {
      cause: error,
    });
  }
}

/** Sets the mode again after mkdir(2), as the umask may have cleared bits. */
async function createFolder(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isDirectory) return;
    throw new StateFolderError(`state folder is not a folder: ${path}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    if (getPermissionBits(await Deno.stat(path)) !== null) await Deno.chmod(path, 0o700);
  }
}

function checkMode(path: string, info: Deno.FileInfo, log: Logger): void {
  const mode = getPermissionBits(info);
  if (mode === null) return;
  if ((mode & WRITE_OF_GROUP_AND_OTHERS) !== 0) {
    throw new StateFolderError(`state folder is writable by others: ${path} (chmod 700 it)`);
  }
  if ((mode & GROUP_AND_OTHERS) !== 0) {
    log.warn(`state folder is open to others: ${path} (chmod 700 it)`);
  }
}

/** The lock file stays after the release. */
async function takeLock(path: string, pid: number): Promise<FileLock> {
  const outcome = await lockFile(path, { ownUser: Deno.uid() ?? 0 });
  if (outcome.kind === "unusable") {
    throw new StateFolderError(`state folder cannot be used: ${path}: ${outcome.why}`);
  }
  if (outcome.kind === "taken") {
    const holder = new TextDecoder().decode(await selectPlatform().readLocked(path)).trim();
    throw new AlreadyRunningError(holder || "unknown");
  }
  const { lock } = outcome;
  try {
    await lock.file.truncate();
    await writeAll(lock.file, new TextEncoder().encode(`${pid}\n`));
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}
