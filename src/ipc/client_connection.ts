import { writeAll } from "../core/files.ts";
import type { Host } from "../platform/host.ts";
import type { Platform } from "../platform/contract.ts";
import type { LocalConn, LocalPipes } from "../platform/local_socket.ts";
import { CLIENT_FAULTS, IpcClientError } from "./errors.ts";
import { LineReader } from "./framing.ts";

const CONNECT_TIMEOUT_MS = 5_000;

/** Longer than the server's read timeout, so that the server's error arrives first. */
const READ_TIMEOUT_MS = 65_000;

/** Delay between attempts to connect to a server with a full queue. */
const RETRY_MS = 20;

export interface ConnectOptions extends Pick<Host, "clock" | "platform"> {
  readonly signal: AbortSignal | undefined;
}

/**
 * Connects, and checks that our own user serves the socket before sending anything.
 *
 * @throws {IpcClientError} `absent.…` if no server answers, `permission.…` if it is not ours.
 */
export async function connectToServer(
  path: string,
  options: ConnectOptions,
): Promise<ClientConnection> {
  const { platform } = options;
  const { conn, readServers } = await connect(path, options);
  try {
    const servers = readServers();
    const own = platform.userId();
    if (servers.length === 0 || servers.some((user) => user !== own)) {
      throw new IpcClientError("permission.server");
    }
    return new ClientConnection(conn, options);
  } catch (error) {
    conn.close();
    throw error;
  }
}

/**
 * A connection to a server of our own user. Lines come without a line feed, are valid until the next call, and `undefined`
 * if the server has closed the connection.
 *
 * All calls throw {@linkcode IpcClientError} `absent.…`, or the signal's reason if it is aborted.
 */
export class ClientConnection implements Disposable {
  readonly #conn: LocalConn;
  readonly #options: Pick<ConnectOptions, "clock" | "signal">;
  readonly #reader: LineReader;
  #closed = false;

  constructor(conn: LocalConn, options: Pick<ConnectOptions, "clock" | "signal">) {
    this.#conn = conn;
    this.#options = options;
    this.#reader = new LineReader(conn);
  }

  /** Sends a line and returns the next received line, within the read timeout. */
  ask(line: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#within(READ_TIMEOUT_MS, async () => {
      await writeAll(this.#conn, new TextEncoder().encode(line + "\n"));
      return await this.#reader.next();
    });
  }

  /** Waits for the next line without a timeout. */
  nextLine(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    return this.#within(0, () => this.#reader.next());
  }

  /**
   * Runs an action; closes the connection after `timeoutMs` (0: no timeout) or when the signal aborts.
   */
  async #within<T>(timeoutMs: number, action: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.#options;
    const done = new AbortController();
    const close = () => this[Symbol.dispose]();
    signal?.addEventListener("abort", close);
    let timedOut = false;
    const timer = timeoutMs === 0 ? undefined : clock.sleep(timeoutMs, done.signal).then(() => {
      if (done.signal.aborted) return;
      timedOut = true;
      close();
    });
    try {
      signal?.throwIfAborted();
      return await action();
    } catch (error) {
      signal?.throwIfAborted();
      if (timedOut) throw new IpcClientError("absent.read_timeout");
      throw error instanceof IpcClientError
        ? error
        : new IpcClientError("absent.closed", { cause: error });
    } finally {
      signal?.removeEventListener("abort", close);
      done.abort();
      await timer;
    }
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#conn.close();
  }
}

/** Retries until the timeout if the server's queue is full: the system does not wait then (unix(7): EAGAIN). */
async function connect(
  path: string,
  { clock, platform, signal }: ConnectOptions,
): Promise<Connected> {
  const untilMs = clock.monotonicMs() + CONNECT_TIMEOUT_MS;
  for (;;) {
    signal?.throwIfAborted();
    const connected = platform.pipes === undefined
      ? await connectOnce(path, platform)
      : connectToPipe(path, platform.pipes);
    if (connected !== undefined) return connected;
    if (clock.monotonicMs() >= untilMs) throw new IpcClientError("absent.connect_timeout");
    await clock.sleep(RETRY_MS, signal);
  }
}

/** A connection, and a function that returns the users that serve its other end. */
interface Connected {
  readonly conn: LocalConn;
  readonly readServers: () => (string | undefined)[];
}

/** `undefined` if the server's queue is full. */
async function connectOnce(path: string, platform: Platform): Promise<Connected | undefined> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    const address = chooseAddress(conn, path);
    return { conn, readServers: () => platform.listServers(address).map(({ user }) => user) };
  } catch (error) {
    if (error instanceof Deno.errors.WouldBlock) return undefined;
    throw connectError(error);
  }
}

/** Returns the pids of the processes that serve a socket file; none if no connection is accepted. */
export async function findServerPids(
  path: string,
  platform: Pick<Platform, "listServers">,
): Promise<number[]> {
  try {
    using connection = await Deno.connect({ transport: "unix", path });
    return platform.listServers(chooseAddress(connection, path)).map(({ pid }) => pid);
  } catch {
    return [];
  }
}

function connectToPipe(name: string, pipes: LocalPipes): Connected | undefined {
  const connection = pipes.connect(name);
  switch (connection.kind) {
    case "open":
      return { conn: connection.conn, readServers: () => [connection.owner] };
    case "busy":
      return undefined;
    case "absent":
      throw new IpcClientError("absent.socket");
    case "denied":
      throw new IpcClientError("permission.socket");
  }
}

function connectError(cause: unknown): IpcClientError {
  const code: keyof typeof CLIENT_FAULTS = cause instanceof Deno.errors.NotFound
    ? "absent.socket"
    : cause instanceof Deno.errors.PermissionDenied
    ? "permission.socket"
    : "absent.listener";
  return new IpcClientError(code, { cause });
}

/** The address that the server bound, as the kernel reports it; the socket may have been renamed since. */
function chooseAddress(conn: Deno.UnixConn, path: string): string {
  const { remoteAddr } = conn;
  return remoteAddr.transport === "unix" ? remoteAddr.path : path;
}
