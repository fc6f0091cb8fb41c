import { describeError, SentinelError } from "../core/errors.ts";
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
  const { listen } = options;
  const [, host, port] = /^\[?([^\]]*)\]?:(\d+)$/.exec(listen)!;
  const over = new AbortController();
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve(
      { hostname: host!, port: Number(port), signal: over.signal, onListen: () => {} },
      (request) => answer(request, options),
    );
  } catch (error) {
    throw new HealthEndpointError(listen, error);
  }
  return {
    port: server.addr.port,
    async [Symbol.asyncDispose]() {
      over.abort();
      await server.finished;
    },
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
  #listen: string | undefined;
  #endpoint: HealthEndpoint | undefined;

  constructor(source: HealthSource) {
    this.#source = source;
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
    return openHealthEndpoint({
      listen,
      read: () => this.#source.healthReport(),
      isWell: ({ status, state }) => status !== "unhealthy" && WELL_STATES.includes(state),
    });
  }
}
