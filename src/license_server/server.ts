import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Sign } from "../signing/ecdsa.ts";
import { type HttpLimits, type HttpServer, serveHttp } from "../net/http_server.ts";
import type { HttpAnswer, HttpRequest } from "../net/http_request.ts";
import { RefusalReport } from "../net/refusal_report.ts";
import { checkKeyPair } from "../remote/tls_material.ts";
import { createRoutes } from "./routes.ts";
import type { Signatures } from "./signatures.ts";
import type { LicenseStore } from "./store.ts";

interface LicenseServerOptions {
  /** Stays the caller's, which closes it after the server. */
  readonly store: LicenseStore;
  /** Signs with the organization's private key. */
  readonly sign: Sign;
  /** Verifies the machines' signatures (default: by WebCrypto). */
  readonly signatures?: Pick<Signatures, "importVerifier">;
  readonly clock: Clock;
  readonly log: Logger;
  /** Address and port to listen on; port 0 picks one. */
  readonly address: string;
  readonly port: number;
  /** PEM texts; enables https. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Whether a client's address is X-Forwarded-For's last one, which the nearest proxy wrote. */
  readonly trustProxy: boolean;
  /** Complete requests under way above which the server answers 503 (default: 1024), to bound memory. */
  readonly maxInFlight?: number;
  readonly limits?: Partial<HttpLimits>;
}

/** A listening license server. */
export interface RunningLicenseServer extends AsyncDisposable {
  /** Base URL, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Answers new requests with 503 and resolves when the rest are answered or after 15 s. May be called twice. */
  close(): Promise<void>;
}

const DEFAULT_MAX_IN_FLIGHT = 1024;

const BUSY: HttpAnswer = {
  status: 503,
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ error: "Server is busy." }),
};

/** Limit of close(). Later connections end with the process. */
const DRAIN_DEADLINE_MS = 15_000;

/**
 * Starts the license server.
 *
 * @throws {SentinelError} `config.listen` It cannot listen. `config.tls` The certificate or key is unusable.
 */
export async function startLicenseServer(
  options: LicenseServerOptions,
): Promise<RunningLicenseServer> {
  const { clock, log, trustProxy, maxInFlight = DEFAULT_MAX_IN_FLIGHT } = options;
  const postponed = new RefusalReport({ what: "requests", clock, log });
  let inFlight = 0, decided = 0;
  const idle = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const routes = createRoutes({
    ...options,
    enter() {
      if (decided >= maxInFlight) return undefined;
      decided++;
      return { [Symbol.dispose]: () => void decided-- };
    },
    onPostponed: (peer) => postponed.count(peer),
  });
  const handler = async (request: HttpRequest): Promise<HttpAnswer> => {
    if (closing !== undefined) return BUSY;
    inFlight++;
    try {
      return await routes(request, findClientAddress(request, trustProxy));
    } finally {
      inFlight--;
      if (closing !== undefined && inFlight === 0) idle.resolve();
    }
  };
  const server = await listen(options, handler);
  const close = () => {
    if (inFlight === 0) idle.resolve();
    return closing ??= drain(server, { idle: idle.promise, clock })
      .finally(() => postponed[Symbol.dispose]());
  };
  return { url: formatUrl(server, options), close, [Symbol.asyncDispose]: close };
}

async function listen(
  { address, port, tls, clock, log, trustProxy, limits }: LicenseServerOptions,
  handler: (request: HttpRequest) => Promise<HttpAnswer>,
): Promise<HttpServer> {
  if (tls !== undefined) checkKeyPair(tls);
  try {
    return await serveHttp({
      hostname: address,
      port,
      tls,
      clock,
      log,
      // all connections of a proxy have its address
      limits: { ...trustProxy && { peerShare: 1 }, ...limits },
    }, handler);
  } catch (error) {
    throw explainListenError(error, { address, port });
  }
}

async function drain(
  server: HttpServer,
  { idle, clock }: { idle: Promise<void>; clock: Clock },
): Promise<void> {
  const drained = new AbortController();
  const deadline = clock.sleep(DRAIN_DEADLINE_MS, drained.signal);
  // a shutdown aborts bodies that are still arriving
  await Promise.race([idle, deadline]);
  const shutdown = server.shutdown().finally(() => drained.abort());
  await Promise.race([shutdown, deadline]);
}

/** The client's address: the connection's, or a trusted proxy's header if it looks like an address. */
function findClientAddress({ headers, address }: HttpRequest, trustProxy: boolean): string {
  const forwarded = trustProxy
    ? headers.get("x-forwarded-for")?.split(",").at(-1)?.trim()
    : undefined;
  return forwarded !== undefined && /^[0-9A-Fa-f.:]{2,45}$/.test(forwarded) ? forwarded : address;
}

function formatUrl({ hostname, port }: HttpServer, { tls }: LicenseServerOptions): string {
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  return `${tls === undefined ? "http" : "https"}://${host}:${port}`;
}

/** By the system's code; the runtime reports an address of another machine as invalid. */
const LISTEN_FAULTS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "not an address of this machine",
  EINVAL: "not an address of this machine",
};

function explainListenError(
  error: unknown,
  { address, port }: { address: string; port: number },
): SentinelError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new SentinelError("config.listen", `port ${port} is already in use on ${address}`, {
      cause: error,
    });
  }
  const reason = LISTEN_FAULTS[code ?? ""] ?? describeError(error);
  const message = `cannot listen on ${address} port ${port}: ${reason}`;
  return new SentinelError("config.listen", message, { cause: error });
}
