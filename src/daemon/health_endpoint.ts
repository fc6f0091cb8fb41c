import type { Clock } from "../core/clock.ts";
import { describeError, SentinelError } from "../core/errors.ts";
import { type HttpServer, serveHttp } from "../core/http_server.ts";
import type { Logger } from "../core/log.ts";
import { NO_CHANGE, type PreparedChange } from "./settings.ts";

/** What `GET /health` answers; times are ISO 8601. */
export interface HealthReport {
  readonly status: "healthy" | "unhealthy" | "unknown";
  readonly state: string;
  readonly checks: Readonly<Record<string, string>>;
  readonly last_check?: string;
  readonly consecutive_failures: number;
  readonly last_error?: string;
  readonly uptime_seconds: number;
}

interface HealthEndpointOptions {
  /** `HOST:PORT`, an IPv6 address in brackets. */
  readonly listen: string;
  readonly read: () => HealthReport;
  /** Whether the report is good news (200) or bad (503). */
  readonly isWell: (report: HealthReport) => boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

/** An endpoint that answers from the moment it is there. */
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

/** @throws {HealthEndpointError} where the address is taken, or is none of ours. */
export function openHealthEndpoint(options: HealthEndpointOptions): HealthEndpoint {
  const { listen, clock, log } = options;
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(listen)!;
  let server: HttpServer;
  try {
    server = serveHttp(
      { hostname: host!, port: Number(port), clock, log },
      (request) => answer(request, options),
    );
  } catch (error) {
    throw new HealthEndpointError(listen, error);
  }
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.abort(),
  };
}

function answer({ url, method }: Request, { read, isWell }: HealthEndpointOptions): Response {
  if (new URL(url).pathname !== "/health") return new Response(null, { status: 404 });
  if (method !== "GET" && method !== "HEAD") {
    return new Response(null, { status: 405, headers: { allow: "GET, HEAD" } });
  }
  const report = read();
  const headers = { "content-type": "application/json", "cache-control": "no-store" };
  const status = isWell(report) ? 200 : 503;
  return new Response(JSON.stringify(report) + "\n", { status, headers });
}

/** Whose health it tells. */
interface HealthSource {
  healthReport(): HealthReport;
}

const WELL_STATES = ["running", "reloading"];

/** The health endpoint, which a reload may move. */
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
   * Opens an address, at which it listens instead of the one before once that is applied; at none where it is absent.
   *
   * @throws {HealthEndpointError}
   */
  prepare(address: string | undefined): PreparedChange {
    if (address === this.#listen) return NO_CHANGE;
    let opened = address === undefined ? undefined : this.#open(address);
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
    await this.prepare(undefined).apply();
  }

  #open(listen: string): HealthEndpoint {
    const { clock, log } = this.#deps;
    return openHealthEndpoint({
      clock,
      log,
      listen,
      read: () => this.#source.healthReport(),
      isWell: ({ status, state }) => status !== "unhealthy" && WELL_STATES.includes(state),
    });
  }
}
