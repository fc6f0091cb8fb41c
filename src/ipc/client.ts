import { ifExists, lstatIfExists } from "../core/files.ts";
import type { Env } from "../core/process.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { type ClientConnection, connectToServer } from "./client_connection.ts";
import { IpcClientError } from "./errors.ts";
import type { LocalPipes } from "../platform/local_socket.ts";
import { SHARED_FOLDER } from "./socket.ts";

/** What to ask, and whom. */
interface IpcRequestOptions {
  /** The server's socket. */
  readonly path: string;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
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
  using connection = await openConnection(options);
  return await ask(connection, options);
}

/**
 * Asks to `watch`: first the answer, then one message for each event, until the server closes the connection or the signal
 * is aborted. Leaving the loop closes the connection.
 *
 * @throws {IpcClientError} where no usable answer comes.
 */
export async function* watchIpc(
  options: Omit<IpcRequestOptions, "method">,
): AsyncGenerator<IpcMessage> {
  using connection = await openConnection(options);
  yield await ask(connection, { ...options, method: "watch" });
  for (;;) {
    const line = await connection.nextLine();
    if (line === undefined) return;
    yield readMessage(line);
  }
}

async function openConnection(
  { path, signal, clock = systemClock, platform = selectPlatform() }: Omit<
    IpcRequestOptions,
    "method"
  >,
): Promise<ClientConnection> {
  signal?.throwIfAborted();
  return await connectToServer(path, { clock, platform, signal });
}

async function ask(
  connection: ClientConnection,
  { method, params }: Pick<IpcRequestOptions, "method" | "params">,
): Promise<IpcMessage> {
  const line = await connection.ask(JSON.stringify({ method, ...(params && { params }) }));
  if (line === undefined) throw new IpcClientError("absent.closed");
  return readMessage(line);
}

function readMessage(bytes: Uint8Array<ArrayBuffer>): IpcMessage {
  const line = decodeUtf8(bytes);
  const result = line === undefined ? undefined : parseStrictJson(line);
  if (line === undefined || result === undefined || "fault" in result || !isObject(result.value)) {
    throw new IpcClientError("absent.malformed");
  }
  return { line, value: result.value };
}

const NAME = /^sentinel-.+\.sock$/, LOCK_NAME = /^(sentinel-.+)\.lock$/;

/**
 * Our own servers' sockets, sorted: those in the login session's folder, or, where there are none, in `/tmp`. Whether
 * anybody still listens on them is another question.
 */
export async function findSockets(
  env: Env,
  platform: Platform = selectPlatform(),
): Promise<string[]> {
  const runtimeFolder = platform.runtimeFolder(env);
  if (platform.pipes !== undefined) return await pipesOf(runtimeFolder, platform.pipes);
  const inSession = runtimeFolder === undefined
    ? []
    : await socketsIn(`${runtimeFolder}/sentinel`, platform.userId());
  return inSession.length > 0 ? inSession : await socketsIn(SHARED_FOLDER, platform.userId());
}

/** Pipes are in no folder, but their lock files are. */
async function pipesOf(lockFolder: string | undefined, { prefix }: LocalPipes): Promise<string[]> {
  const names = lockFolder === undefined ? [] : await namesIn(lockFolder);
  return names.flatMap((name) => {
    const [, pipe] = LOCK_NAME.exec(name) ?? [];
    return pipe === undefined ? [] : [prefix + pipe];
  }).sort();
}

/** Our own servers' sockets in a folder, sorted. */
export async function socketsIn(folder: string, ownUser: string): Promise<string[]> {
  const paths: string[] = [];
  for (const name of await namesIn(folder)) {
    const path = `${folder}/${name}`;
    if (NAME.test(name) && await isOwnSocket(path, ownUser)) paths.push(path);
  }
  return paths.sort();
}

async function namesIn(folder: string): Promise<string[]> {
  return await ifExists(Array.fromAsync(Deno.readDir(folder), ({ name }) => name)) ?? [];
}

/** False too where it is gone meanwhile. */
async function isOwnSocket(path: string, ownUser: string): Promise<boolean> {
  const info = await lstatIfExists(path);
  return info?.isSocket === true && String(info.uid) === ownUser;
}
