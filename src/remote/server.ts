import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { describeError, reportErrors, SentinelError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import { createThrottledWarning, type Logger } from "../core/log.ts";
import { answerBroken } from "../net/broken_requests.ts";
import { Api } from "./api.ts";
import { type Audit, NO_TELEMETRY, type Telemetry } from "./audit.ts";
import { TlsAdmission } from "./tls_admission.ts";
import type { IdentifyClient } from "./tls_session.ts";
import { DEFAULT_LIMITS, MAX_HEADER_BYTES, type RemoteLimits } from "./wire.ts";
import type { RemoteProcesses } from "./processes.ts";
import { RequestHandler } from "./request_handler.ts";
import type { TlsMaterial } from "./tls_material.ts";

/** TLS settings, which may change at run time for new connections. */
export interface Trust {
  /** Validated by {@linkcode checkMaterial}. */
  readonly tls: TlsMaterial;
  readonly identify: IdentifyClient;
}

export interface RemoteServerOptions extends Trust {
  readonly address: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly processes: RemoteProcesses;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  /** Whether clients that may only observe see the arguments of processes (default: no). */
  readonly observesArguments?: boolean | undefined;
  /** Finds our listening socket by its port. */
  readonly findSocket?: ((port: number) => Promise<WatchedSocket | undefined>) | undefined;
  readonly telemetry?: Telemetry | undefined;
  readonly limits?: Partial<RemoteLimits> | undefined;
  /** Ends the wait for readers early when the server closes. */
  readonly force?: AbortSignal | undefined;
}

/** A listening server. */
export interface RemoteServer extends AsyncDisposable {
  /** Such as `https://127.0.0.1:7443`. */
  readonly url: string;
  /** Number of accepted connections and of pending handshakes. */
  readonly load: { readonly connections: number; readonly handshakes: number };
  /** Changes the TLS settings for new connections. */
  reload(trust: Trust): void;
  /**
   * Refuses new requests, stops the processes, lets readers fetch the rest, and closes. May be called twice.
   */
  close(): Promise<void>;
}

/**
 * Starts the server. It must be the only TLS server in the process: see {@linkcode identifyBy}.
 *
 * @throws {SentinelError} `config.listen` if it cannot listen on the address.
 */
export async function startRemoteServer(options: RemoteServerOptions): Promise<RemoteServer> {
  const server = new ListeningServer(options);
  await server.listen();
  await server.watchAccepting();
  return server;
}

/** How often the runtime checks for requests that time out. */
const CHECK_INTERVAL_MS = 1_000;

class ListeningServer implements RemoteServer {
  readonly #https: Server;
  readonly #admission: TlsAdmission;
  readonly #handler: RequestHandler;
  readonly #api: Api;
  readonly #limits: RemoteLimits;
  #identify: IdentifyClient;
  #url = "";
  readonly #over = new AbortController();
  #watching: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  constructor(readonly options: RemoteServerOptions) {
    const { audit, log, telemetry = NO_TELEMETRY, observesArguments = false } = options;
    const limits = this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#identify = options.identify;
    this.#https = createHttpsServer(options.tls, limits);
    this.#admission = new TlsAdmission(this.#https, {
      identify: () => this.#identify,
      limits,
      audit,
      telemetry,
      clock: options.clock,
      log,
    });
    this.#api = new Api({ ...options, limits, telemetry });
    this.#handler = new RequestHandler({
      api: this.#api,
      admission: this.#admission,
      limits,
      audit,
      telemetry,
      log,
      observesArguments,
    });
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.#handler.handle(request, response);
    const onClientError = (error: NodeJS.ErrnoException, socket: Socket) => {
      // TlsAdmission handles failed handshakes
      if (this.#admission.admissionOf(socket) !== undefined) answerBroken(error, socket);
    };
    this.#https.on("request", reportErrors(onRequest));
    this.#https.on("clientError", reportErrors(onClientError));
  }

  get url(): string {
    return this.#url;
  }

  get load(): { connections: number; handshakes: number } {
    const { connections, handshakes } = this.#admission;
    return { connections, handshakes };
  }

  listen(): Promise<void> {
    const { address, port } = this.options;
    return new Promise((resolve, reject) => {
      const onError = (error: Error) => reject(explainListenError(error, { address, port }));
      this.#https.once("error", onError);
      this.#https.listen({ host: address, port, backlog: this.#admission.backlog }, () => {
        this.#https.off("error", onError);
        this.#https.on("error", (error: Error) => this.options.log.error(describeError(error)));
        this.#url = formatUrl(this.#https.address() as AddressInfo);
        resolve();
      });
    });
  }

  /** Does nothing if the system does not expose the listening socket. */
  async watchAccepting(): Promise<void> {
    const { port } = this.#https.address() as AddressInfo;
    const { findSocket, clock, log } = this.options;
    const socket = await findSocket?.(port);
    if (socket === undefined) return;
    this.#watching = keepAccepting({ server: this.#https, socket, clock, log }, this.#over.signal);
  }

  reload({ tls, identify }: Trust): void {
    this.#https.setSecureContext(createTlsOptions(tls));
    this.#identify = identify;
  }

  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#handler.refuse();
    await this.#api.started();
    await this.options.processes.close();
    this.#over.abort();
    await this.#watching;
    const closed = new Promise<void>((resolve) => this.#https.close(() => resolve()));
    const drained = new AbortController();
    const { clock, force = drained.signal } = this.options;
    const settled = this.#handler.settled().then(() => drained.abort());
    await clock.sleep(this.#limits.drainMs, AbortSignal.any([drained.signal, force]));
    this.#https.closeAllConnections();
    this.#admission.closeAll();
    await Promise.all([settled, closed]);
  }
}

function createHttpsServer(tls: TlsMaterial, limits: RemoteLimits): Server {
  return createServer({
    ...createTlsOptions(tls),
    handshakeTimeout: limits.handshakeMs,
    headersTimeout: limits.headerMs,
    requestTimeout: limits.headerMs + limits.bodyMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
  });
}

function createTlsOptions({ certificate, key, certificateAuthority }: TlsMaterial) {
  return {
    cert: certificate,
    key,
    ca: certificateAuthority,
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: "TLSv1.3",
  } as const;
}

function formatUrl({ address, family, port }: AddressInfo): string {
  return `https://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

function explainListenError(
  error: Error,
  { address, port }: { address: string; port: number },
): SentinelError {
  const code = (error as NodeJS.ErrnoException).code;
  const message = code === "EADDRINUSE"
    ? `port ${port} is already in use on ${address}`
    : `cannot listen on ${address} port ${port}: ${describeError(error)}`;
  return new SentinelError("config.listen", message, { cause: error });
}

/** A listening socket, accessed below the runtime. */
export interface WatchedSocket {
  /** Whether a connection is waiting to be accepted. */
  hasWaiting(): boolean;
  /** Duplicates its descriptor, for the caller to close; `undefined` if the process is out of descriptors. */
  duplicate(): { readonly fd: number; readonly socket: WatchedSocket } | undefined;
}

interface AcceptWatchOptions {
  readonly server: Server;
  readonly socket: WatchedSocket;
  readonly clock: Clock;
  readonly log: Logger;
}

const POLL_INTERVAL_MS = 250;

/** Consecutive polls with a waiting connection and none accepted, after which the server has stopped accepting. */
const POLLS_TO_STALLED = 2;

/**
 * Keeps a `node:https` server accepting until `signal` aborts. Its accept loop ends without an event when the process is out
 * of descriptors, and only a new listener restarts it: this listens again on the same socket, which keeps waiting
 * connections, and closes idle connections.
 */
async function keepAccepting(
  { server, socket, clock, log }: AcceptWatchOptions,
  signal: AbortSignal,
): Promise<void> {
  const warn = createThrottledWarning({ log, clock });
  let watched = socket;
  let accepted = 0;
  const count = () => void accepted++;
  server.on("connection", count);
  for (let before = 0, polls = 0; !signal.aborted; before = accepted) {
    await clock.sleep(POLL_INTERVAL_MS, signal);
    if (signal.aborted) break;
    polls = watched.hasWaiting() && accepted === before ? polls + 1 : 0;
    if (polls < POLLS_TO_STALLED) continue;
    warn("idle connections are closed: cannot accept more: Too many open files");
    // even if duplicate() fails, this frees descriptors
    server.closeIdleConnections();
    const copy = watched.duplicate();
    if (copy === undefined) continue;
    server.close();
    server.listen({ fd: copy.fd });
    watched = copy.socket;
    polls = 0;
  }
  server.off("connection", count);
}
