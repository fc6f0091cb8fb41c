import { describeError } from "../core/errors.ts";
import { SocketPlaceError } from "./errors.ts";
import { SHARED_FOLDER } from "./socket_path.ts";

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
    return folder === SHARED_FOLDER ? Deno.statSync(folder) : Deno.lstatSync(folder);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
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
