import { ifExists, lstatIfExists } from "../core/files.ts";
import type { Env } from "../core/process.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { decodeUtf8, isObject, parseStrictJson } from "../core/strict_json.ts";
import type { Platform } from "../platform/contract.ts";
import { selectPlatform } from "../platform/select.ts";
import { type ClientConnection, connectToServer } from "./client_connection.ts";
import { IpcClientError } from "./errors.ts";
import type { LocalPipes } from "../platform/local_socket.ts";
import { getRefugeFolder, SHARED_FOLDER } from "./socket.ts";

interface IpcRequestOptions {
  /** Path of the server's socket. */
  readonly path: string;
  readonly method: string;
  readonly params?: Readonly<Record<string, unknown>>;
  readonly clock?: Clock;
  readonly platform?: Platform;
  /** Cancels the call, which then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A message of the server: a JSON object. */
export interface IpcMessage {
  /** The text as received, without the line feed. */
  readonly line: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/**
 * Sends one request over a new connection. Returns an answer with `"status":"error"` like any other.
 *
 * @throws {IpcClientError} if there is no valid answer.
 *
 * @example
 * ```ts
 * const [path] = await findSockets(Deno.env.get);
 * const { value } = await requestIpc({ path: path!, method: "get_license" });
 * if (value.status === "ok") console.log(value.license);
 * ```
 */
export async function requestIpc(options: IpcRequestOptions): Promise<IpcMessage> {
  using connection = await openConnection(options);
  return await ask(connection, options);
}

/**
 * Sends `watch` and yields the answer, then a message for each event, until the server closes the connection or the signal
 * aborts. Leaving the loop closes the connection.
 *
 * @throws {IpcClientError} if there is no valid answer.
 *
 * @example
 * ```ts
 * for await (const { value } of watchIpc({ path })) {
 *   if (value.event === "license_changed") await reloadLicense();
 * }
 * ```
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
 * Finds the sockets (pipes on Windows) of our user's servers, sorted: in the login session's folder, or if that has none, in
 * `/tmp` and in the user's own folder. A server may have exited without removing its socket.
 *
 * @example
 * ```ts
 * const paths = await findSockets(Deno.env.get); // ["/run/user/1000/sentinel/sentinel-….sock"]
 * ```
 */
export async function findSockets(
  env: Env,
  platform: Platform = selectPlatform(),
): Promise<string[]> {
  const runtimeFolder = platform.runtimeFolder(env);
  if (platform.pipes !== undefined) return await findPipes(runtimeFolder, platform.pipes);
  const inSession = runtimeFolder === undefined
    ? []
    : await listSockets(`${runtimeFolder}/sentinel`, platform.userId());
  if (inSession.length > 0) return inSession;
  const own = platform.replicaFolder(env);
  const shared = await listSockets(SHARED_FOLDER, platform.userId());
  if (own === undefined) return shared;
  // without that folder, as with an unusable home, no server has fled there
  const fled = await listSockets(getRefugeFolder(own), platform.userId()).catch(() => []);
  return [...shared, ...fled];
}

/** Pipes are not files; their lock files name them. */
async function findPipes(
  lockFolder: string | undefined,
  { prefix }: LocalPipes,
): Promise<string[]> {
  const names = lockFolder === undefined ? [] : await listNames(lockFolder);
  return names.flatMap((name) => {
    const [, pipe] = LOCK_NAME.exec(name) ?? [];
    return pipe === undefined ? [] : [prefix + pipe];
  }).sort();
}

/** Sockets of our user's servers in a folder, sorted. */
export async function listSockets(folder: string, ownUser: string): Promise<string[]> {
  const paths: string[] = [];
  for (const name of await listNames(folder)) {
    const path = `${folder}/${name}`;
    if (NAME.test(name) && await isOwnSocket(path, ownUser)) paths.push(path);
  }
  return paths.sort();
}

async function listNames(folder: string): Promise<string[]> {
  return await ifExists(Array.fromAsync(Deno.readDir(folder), ({ name }) => name)) ?? [];
}

/** Also false if it was removed meanwhile. */
async function isOwnSocket(path: string, ownUser: string): Promise<boolean> {
  const info = await lstatIfExists(path);
  return info?.isSocket === true && String(info.uid) === ownUser;
}
