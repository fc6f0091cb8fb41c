import { Buffer } from "node:buffer";
import { type IncomingMessage, request as httpRequest } from "node:http";
import { describeError } from "../core/errors.ts";
import type { OutputItem } from "../core/output_item.ts";
import { RemoteClientError } from "./connect.ts";
import { type ConnectOptions, connectToServer } from "./connect.ts";
import { FrameDecoder } from "./frames.ts";
import { NOT_FOUND } from "./wire.ts";
import { parseStarted, parseStatus, parseStatuses, type ProcessStatus } from "./wire.ts";

/** Largest accepted answer, except for output streams. */
const MAX_ANSWER_BYTES = 256 * 1024 * 1024;

interface Call {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
}

/**
 * Client of a remote server; each call opens a new connection.
 *
 * All calls throw {@linkcode RemoteClientError}: `permission.…` if the server or our certificate is not accepted,
 * `absent.remote` if there is no valid answer.
 */
export class RemoteClient {
  constructor(readonly options: ConnectOptions) {}

  /** Starts a process and returns its id. */
  async start(command: string, args: readonly string[]): Promise<string> {
    const body = { command, args };
    const answer = await this.#ask({ method: "POST", path: "/v1/processes", body });
    return requireAnswer(parseStarted(answer)).id;
  }

  /** `undefined` if the process does not exist. */
  async status(id: string): Promise<ProcessStatus | undefined> {
    const answer = await this.#askAbout({ method: "GET", path: formatPath(id) });
    return answer && requireAnswer(parseStatus(answer));
  }

  /** Stops a process; resolves when it has stopped. `undefined` if it does not exist. */
  async stop(id: string): Promise<ProcessStatus | undefined> {
    const answer = await this.#askAbout({ method: "POST", path: `${formatPath(id)}/stop` });
    return answer && requireAnswer(parseStatus(answer));
  }

  /** Restarts the licensed software and returns the new process's id; `undefined` if the process does not exist. */
  async restart(id: string): Promise<string | undefined> {
    const answer = await this.#askAbout({ method: "POST", path: `${formatPath(id)}/restart` });
    return answer && requireAnswer(parseStarted(answer)).id;
  }

  /** All processes, oldest first. */
  async list(): Promise<ProcessStatus[]> {
    return requireAnswer(parseStatuses(await this.#ask({ method: "GET", path: "/v1/processes" })));
  }

  /**
   * Streams a process's output from its beginning to its end.
   *
   * @throws {RemoteClientError} `process.not_found`; `absent.remote` if the connection is lost.
   */
  async *stream(id: string): AsyncGenerator<OutputItem, void, void> {
    const response = await this.#call({ method: "GET", path: `${formatPath(id)}/output?follow=1` });
    if (response.statusCode !== 200) throw await readRefusal(response);
    const decoder = new FrameDecoder();
    let hasEnded = false;
    try {
      for await (const chunk of response) {
        for (const item of decoder.decode(chunk)) {
          hasEnded ||= item.kind === "end";
          yield item;
        }
      }
    } catch (error) {
      throw createLostError(error);
    } finally {
      response.destroy();
    }
    if (!hasEnded) throw createLostError(undefined);
  }

  /** `undefined` if the process does not exist; an empty answer is malformed. */
  async #askAbout(call: Call): Promise<NonNullable<unknown> | undefined> {
    try {
      return requireAnswer(await this.#ask(call) ?? undefined);
    } catch (error) {
      if (error instanceof RemoteClientError && error.code === "process.not_found") {
        return undefined;
      }
      throw error;
    }
  }

  async #ask(call: Call): Promise<unknown> {
    const response = await this.#call(call);
    const { statusCode = 0 } = response;
    if (statusCode >= 300) throw await readRefusal(response);
    return parseJson(await readText(response));
  }

  /** The connection closes after the answer. */
  async #call({ method, path, body }: Call): Promise<IncomingMessage> {
    const socket = await connectToServer(this.options);
    const { address: host, port } = this.options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    return await new Promise((resolve, reject) => {
      const request = httpRequest({
        createConnection: () => socket,
        host,
        port,
        method,
        path,
        headers: {
          connection: "close",
          ...(text !== undefined && {
            "content-type": "application/json",
            "content-length": String(Buffer.byteLength(text)),
          }),
        },
      });
      request.on("response", resolve);
      request.on("error", (error) => reject(createCertificateError(error)));
      request.end(text);
    });
  }
}

function formatPath(id: string): string {
  return `/v1/processes/${encodeURIComponent(id)}`;
}

/** In TLS 1.3, the client completes the handshake before the server has checked its certificate. */
function createCertificateError(cause: unknown): RemoteClientError {
  return new RemoteClientError(
    "permission.certificate",
    "certificate not accepted by the server",
    cause,
  );
}

function createLostError(cause: unknown): RemoteClientError {
  const why = cause === undefined ? "" : `: ${describeError(cause)}`;
  return new RemoteClientError(
    "absent.remote",
    `connection lost before the end of the output${why}`,
    cause,
  );
}

async function readRefusal(response: IncomingMessage): Promise<RemoteClientError> {
  const { statusCode = 0 } = response;
  const problem = parseJson(await readText(response)) as { detail?: unknown } | null;
  const detail = typeof problem?.detail === "string" ? problem.detail : `HTTP status ${statusCode}`;
  if (statusCode === 404 && detail === NOT_FOUND) {
    return new RemoteClientError("process.not_found", detail);
  }
  const code = statusCode === 403
    ? "permission.role"
    : statusCode === 409
    ? "software.remote"
    : statusCode === 400
    ? "usage.remote"
    : "absent.remote";
  return new RemoteClientError(code, code === "absent.remote" ? `refused: ${detail}` : detail);
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response) {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) throw new Error("answer is too long");
      chunks.push(chunk);
    }
  } catch (error) {
    const message = `no whole answer from the server: ${describeError(error)}`;
    throw new RemoteClientError("absent.remote", message, error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function requireAnswer<T>(answer: T | undefined): T {
  if (answer !== undefined) return answer;
  throw new RemoteClientError("absent.remote", "malformed answer from the server");
}
