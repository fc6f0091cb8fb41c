import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type HttpServer, serveHttp } from "../core/http_server.ts";
import type { Logger } from "../core/log.ts";
import type { Sign } from "../signing/ecdsa.ts";
import { createRoutes } from "./routes.ts";
import type { LicenseStore } from "./store.ts";

/** How the license server is run. */
interface LicenseServerOptions {
  /** Stays the caller's, who closes it after the server. */
  readonly store: LicenseStore;
  /** By the organization's private key. */
  readonly sign: Sign;
  readonly clock: Clock;
  readonly log: Logger;
  /** Address and port to listen on; port 0 picks one. */
  readonly address: string;
  readonly port: number;
  /** PEM texts; https where they are given. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Whether X-Forwarded-For's last address, the one that the nearest proxy wrote, goes into the audit row. */
  readonly trustProxy: boolean;
  /** Requests under way beyond which more are turned away (default: 1024), so that a flood cannot fill the memory. */
  readonly maxInFlight?: number;
}

/** A server that listens. */
export interface LicenseServer extends AsyncDisposable {
  /** Where, such as `http://127.0.0.1:8080`. */
  readonly url: string;
  /**
   * Turns new requests away and resolves when those under way are answered and nobody listens any more, at last after 15 s;
   * may be called twice.
   */
  close(): Promise<void>;
}

const DEFAULT_MAX_IN_FLIGHT = 1024;

/**
 * How long close() waits for requests under way; what takes longer is left to the end of the process, as `Deno.serve`
 * cannot cut connections off once it is shutting down.
 */
const DRAIN_DEADLINE_MS = 15_000;

/**
 * Starts the license server.
 *
 * @throws {SentinelError} `config.listen` where it cannot listen there, `config.tls` for an unusable certificate or key.
 */
export function startLicenseServer(options: LicenseServerOptions): LicenseServer {
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
      return await fetch(request, { address: clientAddress(request, info, options.trustProxy) });
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
  return { url: urlOf(server.addr, options), close, [Symbol.asyncDispose]: close };
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
  // a shutdown breaks off the bodies that are still on their way
  await Promise.race([idle, deadline]);
  const shutdown = server.shutdown().finally(() => drained.abort());
  await Promise.race([shutdown, deadline]);
}

/** The address as the audit row has it: the connection's, or a proxy's word where that is trusted and looks like one. */
function clientAddress(
  request: Request,
  info: Deno.ServeHandlerInfo<Deno.NetAddr>,
  trustProxy: boolean,
): string {
  const named = trustProxy
    ? request.headers.get("x-forwarded-for")?.split(",").at(-1)?.trim()
    : undefined;
  return named !== undefined && /^[0-9A-Fa-f.:]{2,45}$/.test(named)
    ? named
    : info.remoteAddr.hostname;
}

function urlOf(addr: Deno.NetAddr, { tls }: LicenseServerOptions): string {
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
