import type { Clock } from "./clock.ts";
import { describeError } from "./errors.ts";
import { createThrottledWarning, type Logger } from "./log.ts";

/** Where an HTTP server listens, and what it needs to go on listening. */
interface HttpServerOptions {
  readonly hostname: string;
  /** 0 picks one. */
  readonly port: number;
  /** PEM texts; https if they are given. */
  readonly tls?: { readonly certificate: string; readonly key: string } | undefined;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly log: Logger;
}

/** An HTTP server that listens until it is closed. */
export interface HttpServer {
  readonly addr: Deno.NetAddr;
  /** Stops listening; resolves when the requests under way are answered. May be called twice. */
  shutdown(): Promise<void>;
  /** Stops listening and cuts connections off; not to be called after `shutdown()`. May be called twice. */
  abort(): Promise<void>;
}

/** A listener that fails within this time of its start is followed by the next one after a pause. */
const SHORT_LIFE_MS = 1_000, PAUSE_MS = 250;

/**
 * Serves HTTP, and goes on when accepting fails.
 *
 * The runtime's server ends at the first connection that it cannot accept, as it has no descriptor for it, and rejects. Then
 * idle connections are closed, which gives descriptors back, requests under way are answered, and another server listens at
 * the same address (docs/decisions/120-out-of-descriptors.md).
 *
 * @throws {Error} The runtime's own, if it cannot listen there.
 */
export function serveHttp(
  options: HttpServerOptions,
  handler: Deno.ServeHandler<Deno.NetAddr>,
): HttpServer {
  return new LastingServer(options, handler);
}

/** One server of the runtime. */
interface Listener {
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly cut: AbortController;
  readonly sinceMs: number;
}

class LastingServer implements HttpServer {
  readonly addr: Deno.NetAddr;
  readonly #closing = new AbortController();
  /** One for each that has failed, until its last request is answered. */
  readonly #retired = new Set<Promise<void>>();
  readonly #warn: (message: string) => void;
  readonly #kept: Promise<void>;
  #current: Listener;
  /** Whether the current one has ended: the runtime fails at one that is cut off after that. */
  #hasEnded = false;

  constructor(
    readonly options: HttpServerOptions,
    readonly handler: Deno.ServeHandler<Deno.NetAddr>,
  ) {
    this.#warn = createThrottledWarning(options);
    this.#current = this.#listen(options.port);
    this.addr = this.#current.server.addr;
    this.#kept = this.#keepListening();
  }

  async shutdown(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#current.server.shutdown().catch(() => {}), ...this.#retired]);
    await this.#kept;
  }

  async abort(): Promise<void> {
    this.#closing.abort();
    if (!this.#hasEnded) this.#current.cut.abort();
    await this.#kept;
  }

  #listen(port: number): Listener {
    const { hostname, tls, clock, log } = this.options;
    const cut = new AbortController();
    const onError = (error: unknown) => {
      log.error(`request failed: ${describeError(error)}`);
      return new Response(null, { status: 500 });
    };
    const common = { hostname, port, signal: cut.signal, onListen: () => undefined, onError };
    const server = tls === undefined
      ? Deno.serve(common, this.handler)
      : Deno.serve({ ...common, cert: tls.certificate, key: tls.key }, this.handler);
    return { server, cut, sinceMs: clock.monotonicMs() };
  }

  /** Resolves once it is closed; never rejects. */
  async #keepListening(): Promise<void> {
    const { clock } = this.options;
    const { signal } = this.#closing;
    for (;;) {
      const failed = this.#current;
      try {
        await failed.server.finished;
        this.#hasEnded = true;
        return;
      } catch (error) {
        this.#hasEnded = true;
        if (signal.aborted) return;
        const why = describeError(error).replace(/^Error: /, "");
        this.#warn(`idle connections are closed: cannot accept more: ${why}`);
      }
      this.#retire(failed);
      const isShort = clock.monotonicMs() - failed.sinceMs < SHORT_LIFE_MS;
      if (isShort) await clock.sleep(PAUSE_MS, signal);
      if (!await this.#listenAgain()) return;
    }
  }

  /** Closes what is idle, and has the rest answered. */
  #retire({ server }: Listener): void {
    const retired = server.shutdown().catch(() => {}).finally(() => this.#retired.delete(retired));
    this.#retired.add(retired);
  }

  /** False if it is closed first. */
  async #listenAgain(): Promise<boolean> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        this.#current = this.#listen(this.addr.port);
        this.#hasEnded = false;
        return true;
      } catch (error) {
        this.#warn(`cannot listen: ${describeError(error)}`);
        await this.options.clock.sleep(PAUSE_MS, signal);
      }
    }
    return false;
  }
}
