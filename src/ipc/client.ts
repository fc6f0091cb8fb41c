import { type Clock, systemClock } from "../core/clock.ts";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { type ClientLimits, connectToServer, DEFAULT_CLIENT_LIMITS } from "./client_connection.ts";
import { IpcClientError } from "./errors.ts";
import { LineReader } from "./line_reader.ts";

/** What to ask, and whom. */
export interface IpcRequestOptions {
  /** The server's socket. */
  readonly path: string;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly limits?: Partial<ClientLimits>;
  readonly clock?: Clock;
  readonly platform?: Platform;
  /** Ends the waiting; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A JSON object that the server sent. */
export interface IpcMessage {
  /** As it came, without the line end. */
  readonly line: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Asks one thing over a connection of its own. An answer that says `"status":"error"` is an answer.
 *
 * @throws {IpcClientError} where no usable answer comes.
 */
export async function requestIpc(options: IpcRequestOptions): Promise<IpcMessage> {
  for await (const message of exchange(options, { stream: false })) return message;
  throw new IpcClientError("absent.closed");
}

/**
 * Asks to `watch`: first the answer, then one message for each event, until the server closes the connection or the signal
 * is aborted. Leaving the loop closes the connection.
 *
 * @throws {IpcClientError} where no usable answer comes.
 */
export function watchIpc(options: Omit<IpcRequestOptions, "method">): AsyncGenerator<IpcMessage> {
  return exchange({ ...options, method: "watch" }, { stream: true });
}

async function* exchange(
  options: IpcRequestOptions,
  { stream }: { stream: boolean },
): AsyncGenerator<IpcMessage> {
  const { path, method, params, signal, clock = systemClock } = options;
  const limits = { ...DEFAULT_CLIENT_LIMITS, ...options.limits };
  signal?.throwIfAborted();
  const platform = options.platform ?? selectPlatform();
  using connection = await connectToServer(path, { limits, clock, platform, signal });
  const request = JSON.stringify({ method, ...(params && { params }) });
  const reader = new LineReader(connection.conn);
  const first = await connection.within(limits.readTimeoutMs, async () => {
    await connection.send(request + "\n");
    return await reader.next();
  });
  if (first === undefined) throw new IpcClientError("absent.closed");
  yield readMessage(first);
  while (stream) {
    const line = await connection.within(0, () => reader.next());
    if (line === undefined) return;
    yield readMessage(line);
  }
}

function readMessage(bytes: Uint8Array<ArrayBuffer>): IpcMessage {
  const line = decodeUtf8(bytes);
  const result = line === undefined ? undefined : parseStrictJson(line);
  if (line === undefined || result === undefined || "fault" in result || !isObject(result.value)) {
    throw new IpcClientError("absent.malformed");
  }
  return { line, value: result.value };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
