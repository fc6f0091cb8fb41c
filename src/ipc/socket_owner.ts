import { type FileLock, lockFile } from "../core/file_lock.ts";
import { ifExistsSync, lstatIfExistsSync } from "../core/files.ts";
import type { Platform } from "../platform/contract.ts";
import type { AcceptedPeers, LocalListener, LocalPipes } from "../platform/local_socket.ts";
import { selectPlatform } from "../platform/select.ts";
import { AlreadyServingError, SocketPathError } from "./errors.ts";
import { ensureSocketFolder } from "./socket.ts";
import { describeError } from "../core/errors.ts";

/** An exclusive claim to serve a socket, held until it is disposed of or the process exits. */
export interface SocketClaim extends AsyncDisposable {
  readonly path: string;
  /** Reads the record in the lock file: ours, or that of a holder that crashed. */
  readRecord(): Promise<unknown | undefined>;
  /**
   * Writes the record (a JSON value), or clears it if `undefined`. It survives SIGKILL, but not a power failure.
   */
  writeRecord(value: unknown | undefined): void;
  /** Releases the claim; removes the lock file unless it holds a record for the next holder. May be called twice. */
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ClaimOptions {
  readonly platform?: Platform;
  /** Folder of the lock files of named pipes. */
  readonly lockFolder?: string | undefined;
}

/** Longest record. */
const MAX_RECORD_BYTES = 65_536;

/**
 * Claims the socket `path`: checks the folder, takes the lock `<path>.lock`, removes a stale socket, and tries that a socket
 * can be bound there.
 *
 * @throws {AlreadyServingError} `running.ipc` if another process holds the lock or listens on the socket.
 * @throws {SocketPathError} `permission.ipc_path`, `config.ipc_path` if the folder, the lock file or the socket is not
 * acceptable; never removes anything but a socket.
 */
export async function claimSocket(
  path: string,
  { platform = selectPlatform(), lockFolder }: ClaimOptions = {},
): Promise<SocketClaim> {
  const { pipes } = platform;
  if (pipes !== undefined) {
    return await claimPipe(path, { pipes, lockFolder, ownUser: platform.userId() });
  }
  const ownUser = Deno.uid() ?? 0;
  ensureSocketFolder(getFolder(path), ownUser);
  const lock = await takeLock(path, { path: `${path}.lock`, ownUser });
  const claim = new Claim(path, lock);
  try {
    for (const name of [path, getBindingPath(path)]) await removeStale(name, { path, ownUser });
    tryListening(getBindingPath(path));
    return claim;
  } catch (error) {
    await claim[Symbol.asyncDispose]();
    throw error;
  }
}

/** A pipe disappears with its server; its lock file, with the record, is in a separate folder. */
async function claimPipe(
  name: string,
  { pipes, lockFolder, ownUser }: {
    pipes: LocalPipes;
    lockFolder: string | undefined;
    ownUser: string;
  },
): Promise<SocketClaim> {
  if (lockFolder === undefined) {
    throw new SocketPathError("config.ipc_path", "no folder is known for the pipe's lock file");
  }
  await Deno.mkdir(lockFolder, { recursive: true });
  const path = `${lockFolder}/${name.slice(pipes.prefix.length)}.lock`;
  const claim = new Claim(name, await takeLock(name, { path, ownUser: Deno.uid() ?? 0 }));
  const existing = pipes.connect(name);
  if (existing.kind === "absent") return claim;
  await claim[Symbol.asyncDispose]();
  if (existing.kind === "open") existing.conn.close();
  const owner = existing.kind === "open" ? existing.owner : undefined;
  if (existing.kind === "busy" || owner === ownUser) throw new AlreadyServingError(name);
  throw new SocketPathError(
    "permission.ipc_path",
    `Cannot serve ${name}: it belongs to ${owner === undefined ? "another user" : `user ${owner}`}`,
  );
}

async function takeLock(
  socket: string,
  { path, ownUser }: { path: string; ownUser: number },
): Promise<FileLock> {
  const outcome = await lockFile(path, { ownUser });
  switch (outcome.kind) {
    case "locked":
      return outcome.lock;
    case "taken":
      throw new AlreadyServingError(socket);
    case "unusable":
      throw new SocketPathError("permission.ipc_path", `Cannot lock ${path}: ${outcome.why}`);
  }
}

/**
 * The path to bind before the rename to `path`; same length and folder. The runtime unlinks the bound path when the
 * listener closes, even if another process has created it again; this one does not exist by then.
 */
function getBindingPath(path: string): string {
  return path.slice(0, -1) + (path.endsWith("~") ? "_" : "~");
}

class Claim implements SocketClaim {
  #released: Promise<void> | undefined;

  constructor(readonly path: string, readonly lock: FileLock) {}

  async readRecord(): Promise<unknown | undefined> {
    const { file } = this.lock;
    const bytes = new Uint8Array(MAX_RECORD_BYTES);
    await file.seek(0, Deno.SeekMode.Start);
    const text = new TextDecoder().decode(bytes.subarray(0, await file.read(bytes) ?? 0));
    const end = text.indexOf("\n");
    try {
      return end === -1 ? undefined : JSON.parse(text.slice(0, end));
    } catch {
      return undefined;
    }
  }

  /** Writes one line, then truncates: if killed in between, the old rest follows the line and is ignored. */
  writeRecord(value: unknown | undefined): void {
    const { file } = this.lock;
    const bytes = new TextEncoder().encode(value === undefined ? "" : JSON.stringify(value) + "\n");
    file.seekSync(0, Deno.SeekMode.Start);
    if (bytes.length > 0) file.writeSync(bytes);
    file.truncateSync(bytes.length);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#released ??= this.#release();
  }

  async #release(): Promise<void> {
    if (await this.readRecord() === undefined) await this.lock.removeAndRelease();
    else this.lock.release();
  }
}

/**
 * Whether a socket of our user exists at the path; removes nothing.
 *
 * @throws {SocketPathError} `permission.ipc_path` if it is not a socket or belongs to another user.
 */
export function hasSocket(name: string, ownUser: number): boolean {
  const info = lstatIfExistsSync(name);
  const taken = (why: string) =>
    new SocketPathError("permission.ipc_path", `Cannot serve ${name}: ${why}`);
  if (info === undefined) return false;
  if (info.uid !== ownUser) throw taken(`it belongs to user ${info.uid}`);
  if (!info.isSocket) throw taken("it exists and is not a socket");
  return true;
}

/** Removes a socket of ours without a listener, which only ECONNREFUSED indicates (connect(2)). */
async function removeStale(
  name: string,
  { path, ownUser }: { path: string; ownUser: number },
): Promise<void> {
  if (!hasSocket(name, ownUser)) return;
  if (!await isRefused(name)) throw new AlreadyServingError(path);
  await Deno.remove(name);
}

async function isRefused(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

function getFolder(path: string): string {
  const end = path.lastIndexOf("/");
  return end === -1 ? "." : path.slice(0, end) || "/";
}

/** A listening socket. */
export interface BoundSocket {
  readonly listener: LocalListener;
  /** Identifies accepted peers. */
  readonly peers: AcceptedPeers;
  /** Stops listening and removes the file at the path if it is still this socket's; throws if that fails. */
  close(): void;
}

/**
 * Creates the socket and listens.
 *
 * @throws {SocketPathError} `permission.ipc_path` if that fails.
 */
export function bindSocket(path: string, platform: Platform): BoundSocket {
  const { pipes } = platform;
  return pipes === undefined ? bindFile(path, platform) : bindPipe(path, pipes);
}

function bindPipe(path: string, pipes: LocalPipes): BoundSocket {
  const listener = pipes.listen(path);
  if (listener === undefined) throw new AlreadyServingError(path);
  return { listener, peers: listener, close: () => listener.close() };
}

/**
 * Creates the socket with mode 0600 under another name and renames it, so that `path` always names a listening socket.
 */
function bindFile(path: string, platform: Platform): BoundSocket {
  const boundPath = getBindingPath(path);
  const listener = listenPrivately(boundPath);
  try {
    Deno.renameSync(boundPath, path);
    const { ino, dev } = Deno.lstatSync(path);
    return {
      listener,
      // the kernel keeps the bound address after the rename
      peers: platform.trackPeers(boundPath),
      close() {
        try {
          removeIfSame(path, { ino, dev });
        } finally {
          listener.close();
        }
      },
    };
  } catch (error) {
    listener.close();
    throw createPathError(path, error);
  }
}

function listenPrivately(path: string): Deno.UnixListener {
  const umask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw createPathError(path, error);
  } finally {
    Deno.umask(umask);
  }
}

function tryListening(path: string): void {
  listenPrivately(path).close();
  // older runtimes leave it
  ifExistsSync(() => Deno.removeSync(path));
}

function removeIfSame(path: string, { ino, dev }: { ino: number | null; dev: number }): void {
  const now = lstatIfExistsSync(path);
  if (now !== undefined && now.ino === ino && now.dev === dev) Deno.removeSync(path);
}

function createPathError(path: string, cause: unknown): SocketPathError {
  return new SocketPathError(
    "permission.ipc_path",
    `Cannot listen on ${path}: ${describeError(cause)}`,
  );
}
