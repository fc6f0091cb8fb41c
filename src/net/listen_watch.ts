import { Server } from "node:net";
import type { Clock } from "../core/clock.ts";

interface ListenWatchOptions {
  readonly server: Server;
  /** Listens at the same address as before. */
  readonly listen: () => Promise<void>;
  /** Called at each attempt to listen that fails; another follows. */
  readonly onFailure: (error: unknown) => void;
  readonly clock: Pick<Clock, "sleep">;
}

/** Pause after a failure to listen. */
const PAUSE_MS = 250;

/** Time without a new connection after which the server listens again. */
const QUIET_MS = 60_000;

/**
 * Keeps a `node:net` server accepting. The runtime accepts all connections that wait before it closes any, and if it runs out of
 * descriptors meanwhile, it accepts no more, without an event. So a server that has too many to close stops listening until
 * they are closed ({@linkcode hold}), and one that had no connection for a minute listens again, as another part of the
 * process may have used up the descriptors. The kernel resets connections that wait for a server that stops.
 */
export class ListenWatch {
  #accepted = 0;
  #isHeld = false;
  #listening = Promise.resolve();

  constructor(readonly options: ListenWatchOptions) {
    options.server.on("connection", () => this.#accepted++);
  }

  /** Stops listening, at once. */
  hold(): void {
    if (this.#isHeld) return;
    this.#isHeld = true;
    stopListening(this.options.server);
  }

  /** Listens again after {@linkcode hold}; `signal` ends the attempts. */
  release(signal: AbortSignal): void {
    if (!this.#isHeld || signal.aborted) return;
    this.#isHeld = false;
    this.#listening = this.#listening.then(() => this.#listenAgain(signal));
  }

  /** Resolves once `signal` aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const before = this.#accepted;
      await this.options.clock.sleep(QUIET_MS, signal);
      if (this.#accepted !== before || this.#isHeld || signal.aborted) continue;
      this.hold();
      this.release(signal);
    }
    await this.#listening;
  }

  async #listenAgain(signal: AbortSignal): Promise<void> {
    const { listen, onFailure, clock } = this.options;
    while (!signal.aborted) {
      try {
        return await listen();
      } catch (error) {
        onFailure(error);
        await clock.sleep(PAUSE_MS, signal);
      }
    }
  }
}

/** Not `http.Server.close()`, which closes idle connections, too, and ends the runtime's check for late requests. */
function stopListening(server: Server): void {
  Server.prototype.close.call(server);
}
