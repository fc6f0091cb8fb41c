import { ifExistsSync } from "../core/files.ts";
import { selectPlatform } from "../platform/select.ts";
import { SocketPlaceError } from "./errors.ts";
import { describeError } from "../core/errors.ts";

/** What decides where the socket is. */
export interface SocketPathOptions {
  /** The machine's id; becomes part of the file's name. */
  readonly machineId: string;
  /** The login session's folder for sockets (`$XDG_RUNTIME_DIR`), where there is one. */
  readonly runtimeFolder?: string | undefined;
  /** `runtime` insists on that folder, `tmp` on `/tmp`, `auto` (default) takes the first where there is one. */
  readonly location?: "runtime" | "tmp" | "auto" | undefined;
  /** What the names of pipes begin with, where local sockets are these; the places above are none then. */
  readonly pipePrefix?: string | undefined;
  /** A path named outright; beats everything else. */
  readonly path?: string | undefined;
  /** The longest path a socket can have, in bytes (default: the system's). */
  readonly maxBytes?: number | undefined;
}

/** The folder for everybody's sockets where the login session has none. */
export const SHARED_FOLDER = "/tmp";

/**
 * Where the socket is to be.
 *
 * @throws {SocketPlaceError} `config.ipc_path` where the runtime folder is asked for and there is none, the path is longer
 * than a socket's can be, or the machine's id is no file name.
 */
export function socketPath(options: SocketPathOptions): string {
  const path = options.path ?? defaultPath(options);
  if (!path.startsWith(options.pipePrefix ?? "")) {
    throw new SocketPlaceError(
      "config.ipc_path",
      `Cannot use the pipe ${path}: its name must begin with ${options.pipePrefix}`,
    );
  }
  const length = new TextEncoder().encode(path).length;
  const maxBytes = options.maxBytes ?? selectPlatform().maxSocketPathBytes;
  if (length <= maxBytes) return path;
  throw new SocketPlaceError(
    "config.ipc_path",
    `Cannot use the socket path ${path}: it has ${length} bytes, the system's limit is ${maxBytes}`,
  );
}

function defaultPath(
  { machineId, runtimeFolder, pipePrefix, location = "auto" }: SocketPathOptions,
): string {
  if (!/^[\w.:+=-]+$/.test(machineId)) {
    throw new SocketPlaceError(
      "config.ipc_path",
      `Cannot name a socket after the machine id: current value is ${JSON.stringify(machineId)}`,
    );
  }
  const name = `sentinel-${machineId}.sock`;
  if (pipePrefix !== undefined) return `${pipePrefix}sentinel-${machineId}`;
  if (location === "tmp") return `${SHARED_FOLDER}/${name}`;
  if (runtimeFolder !== undefined) return `${runtimeFolder}/sentinel/${name}`;
  if (location === "auto") return `${SHARED_FOLDER}/${name}`;
  throw new SocketPlaceError("config.ipc_path", "XDG_RUNTIME_DIR not set");
}

/** Mode bits; inode(7). */
const STICKY = 0o1000, OTHERS = 0o077;

/**
 * Makes sure that nobody else can put files of ours aside: the folder is made 0700 where there is none; an existing one
 * must be a real folder, ours, and closed to group and others, or a shared one with the sticky bit set, like `/tmp`.
 *
 * Synchronous, as three quick looks take less than one way to a thread and back; so is the rest of the start.
 *
 * @param ownUser Our user, as `Deno.FileInfo.uid` has it.
 * @throws {SocketPlaceError} `permission.ipc_path` saying what is wrong with the folder.
 */
export function ensureSocketFolder(folder: string, ownUser: number): void {
  const info = statFolder(folder) ?? makeFolder(folder);
  if (info !== undefined) checkFolder(folder, { info, ownUser });
}

/**
 * Whether the folder is there already; makes nothing.
 *
 * @throws {SocketPlaceError} as {@linkcode ensureSocketFolder} would.
 */
export function isSocketFolderThere(folder: string, ownUser: number): boolean {
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

/** Follows a link for `/tmp` alone, which is one on some systems. */
function statFolder(folder: string): Deno.FileInfo | undefined {
  try {
    const stat = folder === SHARED_FOLDER ? Deno.statSync : Deno.lstatSync;
    return ifExistsSync(() => stat(folder));
  } catch (error) {
    throw unusable(folder, error);
  }
}

/** What is there where another was faster. The mode is set once more, as a umask may have taken bits from it. */
function makeFolder(folder: string): Deno.FileInfo | undefined {
  try {
    Deno.mkdirSync(folder, { mode: 0o700 });
    Deno.chmodSync(folder, 0o700);
    return undefined;
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return statFolder(folder);
    throw unusable(folder, error);
  }
}

function refuse(folder: string, why: string): never {
  throw new SocketPlaceError(
    "permission.ipc_path",
    `Cannot put a socket into ${folder}: it ${why}`,
  );
}

function unusable(folder: string, cause: unknown): SocketPlaceError {
  return new SocketPlaceError(
    cause instanceof Deno.errors.PermissionDenied ? "permission.ipc_path" : "config.ipc_path",
    `Cannot put a socket into ${folder}: ${describeError(cause)}`,
  );
}
