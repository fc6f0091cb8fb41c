import type { IncomingMessage } from "node:http";
import type { Place } from "./admission.ts";
import { joinBytes } from "../core/files.ts";

/** A request after its headers. */
export interface HttpRequest {
  readonly method: string;
  /** Without a query. */
  readonly path: string;
  readonly headers: HeaderReader;
  /** The peer's IP address. */
  readonly address: string;
  /** Reads the body, which is at most `maxBytes` long. To be called once. */
  readBody(maxBytes: number): Promise<HttpBody>;
}

/** Header fields by name, in any case. */
export type HeaderReader = Pick<Headers, "get">;

/** A body, or why there is none: it is too large, or the connection broke or timed out. */
export type HttpBody =
  | { readonly kind: "read"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: "too_large" }
  | { readonly kind: "broken" };

export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export type HttpHandler = (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>;

/** A request of `node:http`. */
export class IncomingRequest implements HttpRequest {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage, readonly place: Place) {
    this.#message = message;
    // errors of the connection also close it, which is handled
    message.on("error", () => {});
  }

  get method(): string {
    return this.#message.method ?? "";
  }

  get path(): string {
    // RFC 9112 section 3.2.2: a server accepts the absolute form, too
    return /^(?:https?:\/\/[^/?]*)?([^?]*)/i.exec(this.#message.url ?? "")![1]!;
  }

  get headers(): HeaderReader {
    const { headers } = this.#message;
    return {
      get(name) {
        const value = headers[name.toLowerCase()];
        return value === undefined ? null : String(value);
      },
    };
  }

  get address(): string {
    return this.#message.socket.remoteAddress ?? "unknown";
  }

  /** Whether the whole request has been received. */
  get isComplete(): boolean {
    return this.#message.complete;
  }

  async readBody(maxBytes: number): Promise<HttpBody> {
    if (Number(this.#message.headers["content-length"]) > maxBytes) return { kind: "too_large" };
    this.place.isBusy = false;
    const body = await readBounded(this.#message, maxBytes);
    if (body.kind === "read") this.place.isBusy = true;
    return body;
  }
}

function readBounded(message: IncomingMessage, maxBytes: number): Promise<HttpBody> {
  return new Promise((resolve) => {
    const chunks: Uint8Array<ArrayBuffer>[] = [];
    let length = 0;
    message.on("data", (chunk: Uint8Array<ArrayBuffer>) => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else {
        message.pause();
        resolve({ kind: "too_large" });
      }
    });
    message.on("end", () => resolve({ kind: "read", bytes: joinBytes(chunks) }));
    message.on("close", () => resolve({ kind: "broken" }));
  });
}
