import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { HttpAnswer, HttpRequest } from "../net/http_request.ts";
import type { HttpServer } from "../net/http_server.ts";
import { NO_CHANGE, type PreparedChange } from "./settings.ts";

/** The answer to `GET /health`; times are ISO 8601. */
export interface HealthReport {
  readonly status: "healthy" | "unhealthy" | "unknown";
  readonly state: string;
  readonly checks: Readonly<Record<string, string>>;
  readonly last_check?: string;
  readonly consecutive_failures: number;
  readonly last_error?: string;
  readonly uptime_seconds: number;
  /** The last day of the license, and the days to it; absent before the license is proven. */
  readonly license?: { readonly expiry_date: string; readonly days_left: number };
}

interface HealthEndpointOptions {
  /** `HOST:PORT`, an IPv6 address in brackets. */
  readonly listen: string;
  readonly read: () => HealthReport;
  /** Decides between status 200 and 503. */
  readonly isHealthy: (report: HealthReport) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface HealthEndpoint extends AsyncDisposable {
  readonly port: number;
}

export class HealthEndpointError extends SentinelError {
  constructor(listen: string, cause: unknown) {
    super(
      "config.health_listen",
      `health.listen cannot be served: ${listen} (${describeError(cause)})`,
      {
        cause,
      },
    );
  }
}

/** Connections of a daemon that few should ask; its software needs descriptors, too. */
const CONNECTIONS = 64;

/** @throws {HealthEndpointError} if the address is in use or not local. */
export async function openHealthEndpoint(options: HealthEndpointOptions): Promise<HealthEndpoint> {
  const { listen, clock, log } = options;
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(listen)!;
  // few daemons have an endpoint, and loading the runtime's server takes time
  const { serveHttp } = await import("../net/http_server.ts");
  const limits = { connections: CONNECTIONS };
  let server: HttpServer;
  try {
    server = await serveHttp(
      { hostname: host!, port: Number(port), clock, log, limits },
      (request) => answer(request, options),
    );
  } catch (error) {
    throw new HealthEndpointError(listen, error);
  }
  return {
    port: server.port,
    [Symbol.asyncDispose]: () => server.abort(),
  };
}

function answer(
  { path, method }: HttpRequest,
  { read, isHealthy }: HealthEndpointOptions,
): HttpAnswer {
  if (path !== "/health") return { status: 404 };
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, headers: { allow: "GET, HEAD" } };
  }
  const report = read();
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const status = isHealthy(report) ? 200 : 503;
  return { status, headers, body: JSON.stringify(report) + "\n" };
}

interface HealthSource {
  healthReport(): HealthReport;
}

const HEALTHY_STATES = ["running", "reloading"];

/** The health endpoint, whose address a reload may change. */
export class HealthListener implements AsyncDisposable {
  readonly #source: HealthSource;
  readonly #deps: Pick<HealthEndpointOptions, "clock" | "log">;
  #listen: string | undefined;
  #endpoint: HealthEndpoint | undefined;

  constructor(source: HealthSource, deps: Pick<HealthEndpointOptions, "clock" | "log">) {
    this.#source = source;
    this.#deps = deps;
  }

  /**
   * Opens an address, which replaces the current one when the change is applied; without one the endpoint is closed.
   *
   * @throws {HealthEndpointError}
   */
  async prepare(address: string | undefined): Promise<PreparedChange> {
    if (address === this.#listen) return NO_CHANGE;
    let opened = address === undefined ? undefined : await this.#open(address);
    return {
      apply: async () => {
        const before = this.#endpoint;
        this.#endpoint = opened;
        this.#listen = address;
        opened = undefined;
        await before?.[Symbol.asyncDispose]();
      },
      [Symbol.asyncDispose]: async () => await opened?.[Symbol.asyncDispose](),
    };
  }

  /** May be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.prepare(undefined)).apply();
  }

  #open(listen: string): Promise<HealthEndpoint> {
    const { clock, log } = this.#deps;
    return openHealthEndpoint({
      clock,
      log,
      listen,
      read: () => this.#source.healthReport(),
      isHealthy: ({ status, state }) => status !== "unhealthy" && HEALTHY_STATES.includes(state),
    });
  }
}
