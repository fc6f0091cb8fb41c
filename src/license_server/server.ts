import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type HttpServer, serveHttp } from "../core/http_server.ts";
import type { Logger } from "../core/log.ts";
import type { Sign } from "../signing/ecdsa.ts";
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
  /** Whether the audit row takes X-Forwarded-For's last address, which the nearest proxy wrote. */
  readonly trustProxy: boolean;
  /** Concurrent requests above which the server answers 503 (default: 1024), to bound memory. */
  readonly maxInFlight?: number;
}

/** A listening license server. */
export interface RunningLicenseServer extends AsyncDisposable {
  /** Base URL, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /** Answers new requests with 503 and resolves when the rest are answered or after 15 s. May be called twice. */
  close(): Promise<void>;
}

const DEFAULT_MAX_IN_FLIGHT = 1024;

/** Limit of close(). Later connections end with the process: `Deno.serve` cannot abort them during a shutdown. */
const DRAIN_DEADLINE_MS = 15_000;

/**
 * Starts the license server.
 *
 * @throws {SentinelError} `config.listen` It cannot listen. `config.tls` The certificate or key is unusable.
 */
export function startLicenseServer(options: LicenseServerOptions): RunningLicenseServer {
  const { fetch } = createRoutes(options);
  const maxInFlight = options.maxInFlight ?? DEFAULT_MAX_IN_FLIGHT;
  let inFlight = 0;
  const idle = Promise.withResolvers<void>();
  let closing: Promise<void> | undefined;
  const handler = async (
    request: Request,
    info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  ): Promise<Response> => {
    if (closing !== undefined || inFlight >= maxInFlight) {
      return Response.json({ error: "Server is busy." }, { status: 503 });
    }
    inFlight++;
    try {
      return await fetch(request, {
        address: findClientAddress(request, info, options.trustProxy),
      });
    } finally {
      inFlight--;
      if (closing !== undefined && inFlight === 0) idle.resolve();
    }
  };
  const server = listen(options, handler);
  const close = () => {
    if (inFlight === 0) idle.resolve();
    return closing ??= drain(server, { idle: idle.promise, clock: options.clock });
  };
  return { url: formatUrl(server.addr, options), close, [Symbol.asyncDispose]: close };
}

function listen(
  { address, port, tls, clock, log }: LicenseServerOptions,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): HttpServer {
  try {
    return serveHttp({ hostname: address, port, tls, clock, log }, handler);
  } catch (error) {
    throw explainListenError(error, { address, port, isTls: tls !== undefined });
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

/** The client's address for the audit row: the connection's, or a trusted proxy's header if it looks like an address. */
function findClientAddress(
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  trustProxy: boolean,
): string {
  const forwarded = trustProxy
    ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim()
    : undefined;
  return forwarded !== undefined && /^[0-9A-Fa-f.:]{2,45}$/.test(forwarded)
    ? forwarded
    : info.remoteAddr.hostname;
}

function formatUrl(addr: Deno.NetAddr, { tls }: LicenseServerOptions): string {
  const host = addr.hostname.includes(":") ? `[${addr.hostname}]` : addr.hostname;
  return `${tls === undefined ? "http" : "https"}://${host}:${addr.port}`;
}

function explainListenError(
  error: unknown,
  { address, port, isTls }: { address: string; port: number; isTls: boolean },
): SentinelError {
  if (error instanceof Deno.errors.AddrInUse) {
    return new SentinelError("config.listen", `port ${port} is already in use on ${address}`, {
      cause: error,
    });
  }
  const reason = error instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : describeError(error);
  if (isTls && (error instanceof Deno.errors.InvalidData || reason.includes("KeyMismatch"))) {
    return new SentinelError("config.tls", `certificate or key cannot be used: ${reason}`, {
      cause: error,
    });
  }
  const message = `cannot listen on ${address} port ${port}: ${reason}`;
  return new SentinelError("config.listen", message, { cause: error });
}
