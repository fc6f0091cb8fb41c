import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { ConnectionAdmission, namePeer, type Place } from "./admission.ts";
import { shareDescriptors } from "./descriptors.ts";
import { type HttpHandler, IncomingRequest } from "./http_request.ts";
import { ListenWatch } from "./listen_watch.ts";
import { RefusalReport } from "./refusal_report.ts";
import { answerBroken } from "./broken_requests.ts";
import type { Clock } from "../core/clock.ts";
import { describeError, reportErrors } from "../core/errors.ts";
import { createThrottledWarning, type Logger } from "../core/log.ts";

/** Limits of a server; times in milliseconds. */
export interface HttpLimits {
  /** Open connections, fewer if the process has few descriptors. */
  readonly connections: number;
  /** The part of them that an address may take, from 0 to 1. */
  readonly peerShare: number;
  /** From a request's first byte, or the start of the connection, to the end of the headers. */
  readonly headerMs: number;
  readonly bodyMs: number;
  /** Between two requests on a connection. */
  readonly idleMs: number;
}

const DEFAULT_LIMITS: HttpLimits = {
  connections: 1024,
  peerShare: 0.25,
  headerMs: 10_000,
  bodyMs: 10_000,
  idleMs: 60_000,
};

/** Largest request line and headers together. */
const MAX_HEADER_BYTES = 16 * 1024;

/** How often the runtime looks for requests that are late, at most. */
const CHECK_INTERVAL_MS = 1_000;

export interface HttpServerOptions {
  readonly hostname: string;
  /** 0 picks one. */
  readonly port: number;
  /** PEM texts; https if they are given. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly log: Logger;
  readonly limits?: Partial<HttpLimits> | undefined;
}

/** An HTTP server that listens until it is closed. */
export interface HttpServer {
  readonly hostname: string;
  readonly port: number;
  /** Number of open connections. */
  readonly connections: number;
  /** Stops listening; resolves when the requests under way are answered. May be called twice. */
  shutdown(): Promise<void>;
  /** Stops listening and cuts connections off. May be called twice. */
  abort(): Promise<void>;
}

/**
 * Serves HTTP/1.1 to strangers: connections are admitted ({@linkcode ConnectionAdmission}), each is bounded in time and size,
 * and listening goes on whatever a peer does (docs/decisions/121-admission.md).
 *
 * @throws {Error} The runtime's own, if it cannot listen there.
 */
export async function serveHttp(
  options: HttpServerOptions,
  handler: HttpHandler,
): Promise<HttpServer> {
  const server = new LimitedServer(options, handler);
  await server.listen();
  return server;
}

class LimitedServer implements HttpServer {
  readonly #server: Server;
  readonly #limits: HttpLimits;
  readonly #backlog: number;
  readonly #report: RefusalReport;
  readonly #admission: ConnectionAdmission;
  readonly #places = new Map<Socket, Place>();
  readonly #pending = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  /** Accepted sockets whose descriptors are not closed yet, admitted or not. */
  #open = 0;
  #address: AddressInfo | undefined;
  #watch: ListenWatch | undefined;
  #watching: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(readonly options: HttpServerOptions, readonly handler: HttpHandler) {
    const { clock, log, tls } = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { connections, backlog } = shareDescriptors(this.#limits.connections);
    this.#backlog = backlog;
    this.#report = new RefusalReport({ what: "connections", clock, log });
    const perPeer = Math.max(1, Math.floor(connections * this.#limits.peerShare));
    this.#admission = new ConnectionAdmission({
      limits: { connections, perPeer },
      onRefusal: (peer) => this.#report.count(peer),
    });
    const timing = getRuntimeOptions(this.#limits);
    this.#server = tls === undefined
      ? createServer(timing)
      : createTlsServer({ ...timing, cert: tls.certificate, key: tls.key });
    this.#server.on("connection", reportErrors((socket: Socket) => this.#begin(socket)));
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#handle(request, response);
    this.#server.on("request", reportErrors(onRequest));
    this.#server.on("clientError", reportErrors(answerBroken));
    const onTlsError = (_: Error, socket: Socket) => socket.destroy();
    this.#server.on("tlsClientError", reportErrors(onTlsError));
  }

  get hostname(): string {
    return this.#address!.address;
  }

  get port(): number {
    return this.#address!.port;
  }

  get connections(): number {
    return this.#admission.size;
  }

  async listen(): Promise<void> {
    const { hostname, port, clock, log } = this.options;
    const listen = async (port: number) => {
      await listenOn(this.#server, { host: hostname, port, backlog: this.#backlog });
      this.#address = this.#server.address() as AddressInfo;
    };
    await listen(port);
    const warn = createThrottledWarning({ log, clock });
    this.#server.on("error", (error: Error) => warn(`cannot accept more: ${describeError(error)}`));
    this.#watch = new ListenWatch({
      server: this.#server,
      listen: () => listen(this.port),
      onFailure: (error) => warn(`cannot listen: ${describeError(error)}`),
      clock,
    });
    this.#watching = this.#watch.run(this.#closing.signal);
  }

  shutdown(): Promise<void> {
    return this.#closed ??= this.#close(() => {
      for (const [socket, place] of this.#places) if (!place.isBusy) socket.destroy();
      return Promise.all(this.#pending);
    });
  }

  abort(): Promise<void> {
    for (const socket of this.#places.keys()) socket.destroy();
    return this.#closed ??= this.#close(() => {
      for (const socket of this.#places.keys()) socket.destroy();
      return Promise.all(this.#pending);
    });
  }

  async #close(finish: () => Promise<unknown>): Promise<void> {
    this.#closing.abort();
    await this.#watching;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await finish();
    for (const socket of this.#places.keys()) socket.destroySoon();
    await closed;
    this.#report[Symbol.dispose]();
  }

  #begin(socket: Socket): void {
    const place = this.#admission.enter(
      namePeer(socket.remoteAddress),
      () => socket.destroy(),
    );
    this.#open++;
    socket.on("close", () => {
      this.#open--;
      this.#places.delete(socket);
      place?.leave();
      if (this.#refused === 0) this.#watch?.release(this.#closing.signal);
    });
    if (place === undefined) socket.destroy();
    else this.#places.set(socket, place);
    if (this.#refused >= this.#backlog) this.#watch?.hold();
  }

  /** Number of sockets that are being closed. */
  get #refused(): number {
    return this.#open - this.#admission.size;
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const place = this.#places.get(findTcpSocket(request.socket));
    if (place === undefined) {
      request.socket.destroy();
      return;
    }
    const answered = this.#answer(new IncomingRequest(request, place), response).catch((error) => {
      this.options.log.error(`request failed: ${describeError(error)}`);
      response.destroy();
    }).finally(() => this.#pending.delete(answered));
    this.#pending.add(answered);
  }

  async #answer(request: IncomingRequest, response: ServerResponse): Promise<void> {
    // errors of the connection also close it, which is handled
    response.on("error", () => {});
    request.place.isBusy = true;
    response.on("close", () => request.place.isBusy = false);
    const { status, headers, body = "" } = await this.#ask(request);
    // the rest of a body is not read
    if (!request.isComplete || this.#closing.signal.aborted) {
      response.setHeader("connection", "close");
    }
    if (status < 400) request.place.hasAsked = true;
    const bytes = new TextEncoder().encode(body);
    response.writeHead(status, { ...headers, "content-length": bytes.length });
    response.end(bytes);
  }

  async #ask(request: IncomingRequest): Promise<Awaited<ReturnType<HttpHandler>>> {
    try {
      return await this.handler(request);
    } catch (error) {
      this.options.log.error(`request failed: ${describeError(error)}`);
      return { status: 500 };
    }
  }
}

function getRuntimeOptions({ headerMs, bodyMs, idleMs }: HttpLimits) {
  return {
    handshakeTimeout: headerMs,
    headersTimeout: headerMs,
    requestTimeout: headerMs + bodyMs,
    keepAliveTimeout: idleMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, headerMs, bodyMs),
    maxHeaderSize: MAX_HEADER_BYTES,
  };
}

function listenOn(
  server: Server,
  options: { host: string; port: number; backlog: number },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

/** The TCP socket below a TLS socket, or the socket itself. */
function findTcpSocket(socket: Socket): Socket {
  return (socket as { _parent?: Socket | null })._parent ?? socket;
}
