import type { Env } from "../core/process.ts";
import type { Host } from "../platform/host.ts";
import type { Platform } from "../platform/contract.ts";
import { ConfigError, describeError, SentinelError } from "../core/errors.ts";
import { lstatIfExists, permissionBits, writeAll } from "../core/files.ts";
import { type FileLock, lockFile } from "../core/file_lock.ts";
import type { Logger } from "../core/log.ts";
import { selectPlatform } from "../platform/select.ts";

/**
 * The folder for state and keys.
 *
 * @param stateDir The one that is given, where one is.
 * @throws {ConfigError} where none is given and no home is known.
 */
export function stateFolder(
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
 * Renames a file that cannot be read, so that nothing is ever deleted that support might still need.
 *
 * @returns The new path: the old one, `.unreadable-`, the time, and a number where that name is taken.
 */
export async function setAside(path: string, wallMs: number): Promise<string> {
  const stamp = new Date(wallMs).toISOString().replaceAll(/[-:]|\.\d+/g, "");
  for (let number = 1;; number++) {
    const aside = `${path}.unreadable-${stamp}${number === 1 ? "" : `-${number}`}`;
    if (await lstatIfExists(aside) !== undefined) continue;
    await Deno.rename(path, aside);
    return aside;
  }
}

/** A state folder that is ours until it is disposed of: one run per folder. */
export interface StateFolder extends Disposable {
  readonly path: string;
  /** A path inside. */
  at(name: string): string;
}

/** The folder cannot be used; the message says what to do. */
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

const GROUP_AND_OTHERS = 0o077, WRITE_OF_GROUP_AND_OTHERS = 0o022;

/**
 * Makes the folder where it is missing (0700) and takes its lock (flock(2)).
 *
 * @throws {StateFolderError}
 * @throws {AlreadyRunningError} where another process holds the lock.
 */
export async function openStateFolder(
  path: string,
  { log, pid }: Pick<Host, "log" | "pid">,
): Promise<StateFolder> {
  try {
    await makeFolder(path);
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

/** The mode is set once more, as a umask may have taken bits from it. */
async function makeFolder(path: string): Promise<void> {
  try {
    if ((await Deno.stat(path)).isDirectory) return;
    throw new StateFolderError(`state folder is not a folder: ${path}`);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
    if (permissionBits(await Deno.stat(path)) !== null) await Deno.chmod(path, 0o700);
  }
}

function checkMode(path: string, info: Deno.FileInfo, log: Logger): void {
  const mode = permissionBits(info);
  if (mode === null) return;
  if ((mode & WRITE_OF_GROUP_AND_OTHERS) !== 0) {
    throw new StateFolderError(`state folder is writable by others: ${path} (chmod 700 it)`);
  }
  if ((mode & GROUP_AND_OTHERS) !== 0) {
    log.warn(`state folder is open to others: ${path} (chmod 700 it)`);
  }
}

/** The file stays when the lock goes, as one that a killed run left does. */
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
