import { type FileLock, lockFile } from "../core/file_lock.ts";
import { lstatIfExistsSync } from "../core/files.ts";
import type { Platform } from "../platform/contract.ts";
import type { AcceptedPeers, LocalListener, LocalPipes } from "../platform/local_socket.ts";
import { selectPlatform } from "../platform/select.ts";
import { AlreadyServingError, SocketPlaceError } from "./errors.ts";
import { ensureSocketFolder } from "./socket.ts";
import { describeError } from "../core/errors.ts";

/** The right to serve a socket: one process has it at a time, until it is disposed of or the process ends. */
export interface SocketClaim extends AsyncDisposable {
  readonly path: string;
  /** What the lock file holds: our record, or what a holder that ended without cleaning up left. */
  readRecord(): Promise<unknown | undefined>;
  /**
   * Writes the record (any JSON value), or clears it by `undefined`. It outlives our own SIGKILL, though not a power cut.
   */
  writeRecord(value: unknown | undefined): void;
  /** Lets go. The lock file goes too, unless a record still stands in it for the next holder. May be called twice. */
  [Symbol.asyncDispose](): Promise<void>;
}

interface ClaimOptions {
  readonly platform?: Platform;
  /** Where lock files are, for sockets that are no files. */
  readonly lockFolder?: string | undefined;
}

/** A record longer than this is none of ours. */
const MAX_RECORD_BYTES = 65_536;

/**
 * Takes the exclusive right to serve the socket `path`: checks the folder, takes the lock `<path>.lock` and removes a
 * socket that nobody listens on any more.
 *
 * @throws {AlreadyServingError} `running.ipc` where another process holds the lock or answers on the socket.
 * @throws {SocketPlaceError} `permission.ipc_path`, `config.ipc_path` where folder, lock file or socket are not as they
 * must be; what is not a socket is never removed.
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
  ensureSocketFolder(folderOf(path), ownUser);
  const lock = await takeLock(path, { path: `${path}.lock`, ownUser });
  const claim = new Claim(path, lock);
  try {
    for (const name of [path, bindingPath(path)]) await removeStale(name, { path, ownUser });
    return claim;
  } catch (error) {
    await claim[Symbol.asyncDispose]();
    throw error;
  }
}

/** A pipe is gone with its server; its lock file, which has the record, lies in a folder of its own. */
async function claimPipe(
  name: string,
  { pipes, lockFolder, ownUser }: {
    pipes: LocalPipes;
    lockFolder: string | undefined;
    ownUser: string;
  },
): Promise<SocketClaim> {
  if (lockFolder === undefined) {
    throw new SocketPlaceError("config.ipc_path", "no folder is known for the pipe's lock file");
  }
  await Deno.mkdir(lockFolder, { recursive: true });
  const path = `${lockFolder}/${name.slice(pipes.prefix.length)}.lock`;
  const claim = new Claim(name, await takeLock(name, { path, ownUser: Deno.uid() ?? 0 }));
  const there = pipes.connect(name);
  if (there.kind === "absent") return claim;
  await claim[Symbol.asyncDispose]();
  if (there.kind === "open") there.conn.close();
  const owner = there.kind === "open" ? there.owner : undefined;
  if (there.kind === "busy" || owner === ownUser) throw new AlreadyServingError(name);
  throw new SocketPlaceError(
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
      throw new SocketPlaceError("permission.ipc_path", `Cannot lock ${path}: ${outcome.why}`);
  }
}

/**
 * The path that is bound before it is renamed to `path`: as long, in the same folder. The runtime unlinks the path that
 * it has bound when the listener closes, whoever has it by then; so it is given one that is gone.
 */
export function bindingPath(path: string): string {
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

  /** One write, closed by a line end, then the cut: killed in between, the old rest is behind the line. */
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
 * Whether a socket of ours is there already; removes nothing.
 *
 * @throws {SocketPlaceError} `permission.ipc_path` where something else is, or another user's.
 */
export function isSocketThere(name: string, ownUser: number): boolean {
  const info = lstatIfExistsSync(name);
  const taken = (why: string) =>
    new SocketPlaceError("permission.ipc_path", `Cannot serve ${name}: ${why}`);
  if (info === undefined) return false;
  if (info.uid !== ownUser) throw taken(`it belongs to user ${info.uid}`);
  if (!info.isSocket) throw taken("it is there and is not a socket");
  return true;
}

/** Removes a socket of ours that nobody listens on; connection refused alone says so (connect(2)). */
async function removeStale(
  name: string,
  { path, ownUser }: { path: string; ownUser: number },
): Promise<void> {
  if (!isSocketThere(name, ownUser)) return;
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

function folderOf(path: string): string {
  const end = path.lastIndexOf("/");
  return end === -1 ? "." : path.slice(0, end) || "/";
}

/** A socket that listens under its final path. */
export interface BoundSocket {
  readonly listener: LocalListener;
  /** Tells who comes. */
  readonly peers: AcceptedPeers;
  /** Stops listening and removes the file at the path, if it is still this socket's; throws where that cannot be removed. */
  close(): void;
}

/**
 * Makes the socket.
 *
 * @throws {SocketPlaceError} `permission.ipc_path` where that fails.
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
 * Makes the socket, 0600 from its first moment and complete when it appears at `path`: it is bound beside and renamed.
 */
function bindFile(path: string, platform: Platform): BoundSocket {
  const boundPath = bindingPath(path);
  const listener = listenPrivately(boundPath);
  try {
    Deno.renameSync(boundPath, path);
    const { ino, dev } = Deno.lstatSync(path);
    return {
      listener,
      // the address that the kernel knows it by
      peers: platform.acceptedPeers(boundPath),
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
    throw unusable(path, error);
  }
}

function listenPrivately(path: string): Deno.UnixListener {
  const umask = Deno.umask(0o177);
  try {
    return Deno.listen({ transport: "unix", path });
  } catch (error) {
    throw unusable(path, error);
  } finally {
    Deno.umask(umask);
  }
}

function removeIfSame(path: string, { ino, dev }: { ino: number | null; dev: number }): void {
  const now = lstatIfExistsSync(path);
  if (now !== undefined && now.ino === ino && now.dev === dev) Deno.removeSync(path);
}

function unusable(path: string, cause: unknown): SocketPlaceError {
  return new SocketPlaceError(
    "permission.ipc_path",
    `Cannot listen on ${path}: ${describeError(cause)}`,
  );
}
