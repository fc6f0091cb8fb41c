import { ifExistsSync } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";
import { SocketPathError } from "./errors.ts";
import { describeError } from "../core/errors.ts";

export interface SocketPathOptions {
  /** Machine id; part of the file's name. */
  readonly machineId: string;
  /** The login session's folder for sockets (`$XDG_RUNTIME_DIR`), if any. */
  readonly runtimeFolder?: string | undefined;
  /** `runtime` requires that folder, `tmp` uses `/tmp`, `auto` (default) prefers the former. */
  readonly location?: "runtime" | "tmp" | "auto" | undefined;
  /** Prefix of pipe names, if local sockets are named pipes; the folders above do not apply then. */
  readonly pipePrefix?: string | undefined;
  /** Explicit path; overrides everything else. */
  readonly path?: string | undefined;
  /** The user's own folder, which takes the socket if another user has put a file in its place in {@linkcode SHARED_FOLDER}. */
  readonly privateFolder?: string | undefined;
  /** Longest path of a socket, in bytes (default: the system's limit). */
  readonly maxBytes?: number | undefined;
}

/** Folder for all users' sockets if the login session has none. */
export const SHARED_FOLDER = "/tmp";

/** Where a socket may be. */
export interface SocketPlaces {
  readonly path: string;
  /** The path to use if other users occupy the first one; absent if they cannot, or if it would be too long. */
  readonly refuge: string | undefined;
}

/** The folder of sockets within the user's own folder. */
export function getRefugeFolder(privateFolder: string): string {
  return `${privateFolder}/run`;
}

/** Decides where the socket may be. @throws {SocketPathError} like {@linkcode resolveSocketPath}. */
export function resolveSocketPlaces(options: SocketPathOptions): SocketPlaces {
  const path = resolveSocketPath(options);
  const { privateFolder, machineId } = options;
  const name = `sentinel-${machineId}.sock`;
  if (
    privateFolder === undefined || options.path !== undefined || path !== `${SHARED_FOLDER}/${name}`
  ) {
    return { path, refuge: undefined };
  }
  const refuge = `${getRefugeFolder(privateFolder)}/${name}`;
  return { path, refuge: isShortEnough(refuge, options) ? refuge : undefined };
}

/**
 * Decides the socket's path.
 *
 * @throws {SocketPathError} `config.ipc_path` if the runtime folder is required but missing, the path is too long for a
 * socket, or the machine id is not usable in a file name.
 */
export function resolveSocketPath(options: SocketPathOptions): string {
  const path = options.path ?? getDefaultPath(options);
  if (!path.startsWith(options.pipePrefix ?? "")) {
    throw new SocketPathError(
      "config.ipc_path",
      `Cannot use the pipe ${path}: its name must begin with ${options.pipePrefix}`,
    );
  }
  if (isShortEnough(path, options)) return path;
  throw new SocketPathError(
    "config.ipc_path",
    `Cannot use the socket path ${path}: it has ${countBytes(path)} bytes, ` +
      `the system's limit is ${getMaxBytes(options)}`,
  );
}

function isShortEnough(path: string, options: SocketPathOptions): boolean {
  return countBytes(path) <= getMaxBytes(options);
}

function countBytes(path: string): number {
  return new TextEncoder().encode(path).length;
}

function getMaxBytes({ maxBytes }: SocketPathOptions): number {
  return maxBytes ?? selectPlatform().maxSocketPathBytes;
}

function getDefaultPath(
  { machineId, runtimeFolder, pipePrefix, location = "auto" }: SocketPathOptions,
): string {
  if (!/^[\w.:+=-]+$/.test(machineId)) {
    throw new SocketPathError(
      "config.ipc_path",
      `Cannot name a socket after the machine id: current value is ${JSON.stringify(machineId)}`,
    );
  }
  const name = `sentinel-${machineId}.sock`;
  if (pipePrefix !== undefined) return `${pipePrefix}sentinel-${machineId}`;
  if (location === "tmp") return `${SHARED_FOLDER}/${name}`;
  if (runtimeFolder !== undefined) return `${runtimeFolder}/sentinel/${name}`;
  if (location === "auto") return `${SHARED_FOLDER}/${name}`;
  throw new SocketPathError("config.ipc_path", "XDG_RUNTIME_DIR not set");
}

/** Mode bits; inode(7). */
const STICKY = 0o1000, OTHERS = 0o077;

/**
 * Ensures that other users cannot replace our files in the folder. Creates it with mode 0700 if it does not exist; an
 * existing one must be a real folder that is ours and closed to group and others, or a shared one with the sticky bit, like
 * `/tmp`.
 *
 * Synchronous: three system calls cost less than a switch to another thread.
 *
 * @param ownUser Our uid.
 * @throws {SocketPathError} `permission.ipc_path` if the folder is not acceptable.
 */
export function ensureSocketFolder(folder: string, ownUser: number): void {
  const info = statFolder(folder) ?? makeFolder(folder);
  if (info !== undefined) checkFolder(folder, { info, ownUser });
}

/**
 * Whether the folder exists; does not create it.
 *
 * @throws {SocketPathError} like {@linkcode ensureSocketFolder}.
 */
export function hasSocketFolder(folder: string, ownUser: number): boolean {
  const info = statFolder(folder);
  if (info !== undefined) checkFolder(folder, { info, ownUser });
  return info !== undefined;
}

function checkFolder(
  folder: string,
  { info, ownUser }: { info: Deno.FileInfo; ownUser: number },
): void {
  const mode = info.mode ?? 0;
  if (info.isSymlink) refuse(folder, "is a symbolic link");
  if (!info.isDirectory) refuse(folder, "is not a folder");
  const shared = (mode & STICKY) !== 0;
  if (shared && info.uid === 0) return;
  if (info.uid !== ownUser) refuse(folder, `belongs to user ${info.uid}`);
  if (!shared && (mode & OTHERS) !== 0) {
    refuse(folder, `is open to others: current mode is ${(mode & 0o777).toString(8)}`);
  }
}

/** Follows a link only for `/tmp`, which is one on some systems. */
function statFolder(folder: string): Deno.FileInfo | undefined {
  try {
    const stat = folder === SHARED_FOLDER ? Deno.statSync : Deno.lstatSync;
    return ifExistsSync(() => stat(folder));
  } catch (error) {
    throw createPathError(folder, error);
  }
}

/** Returns the folder's info if another process created it first. Sets the mode again, since a umask may have cleared bits. */
function makeFolder(folder: string): Deno.FileInfo | undefined {
  try {
    Deno.mkdirSync(folder, { mode: 0o700 });
    Deno.chmodSync(folder, 0o700);
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return statFolder(folder);
    throw createPathError(folder, error);
  }
}

function refuse(folder: string, why: string): never {
  throw new SocketPathError(
    "permission.ipc_path",
    `Cannot put a socket into ${folder}: it ${why}`,
  );
}

function createPathError(folder: string, cause: unknown): SocketPathError {
  return new SocketPathError(
    cause instanceof Deno.errors.PermissionDenied ? "permission.ipc_path" : "config.ipc_path",
    `Cannot put a socket into ${folder}: ${describeError(cause)}`,
  );
}
