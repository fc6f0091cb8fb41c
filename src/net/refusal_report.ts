import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";

/** How often refusals are logged. */
const INTERVAL_MS = 60_000;

/** Peers that a report names; the rest is one more line. */
const NAMED_PEERS = 5;

/** Peers that are counted by name, to bound memory. */
const COUNTED_PEERS = 4096;

interface ReportOptions {
  /** Subject of the lines, such as `connections`. */
  readonly what: string;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Logger;
}

/**
 * Logs refusals once a minute: `312 connections of 192.0.2.7 refused in the last minute`. A peer can cause them at any rate,
 * so none has a line of its own.
 */
export class RefusalReport implements Disposable {
  readonly #counts = new Map<string, number>();
  readonly #closing = new AbortController();
  #others = 0;
  #isWaiting = false;

  constructor(readonly options: ReportOptions) {}

  /** Counts a refusal, which is logged within a minute. */
  count(peer: string): void {
    const known = this.#counts.get(peer);
    if (known === undefined && this.#counts.size >= COUNTED_PEERS) this.#others++;
    else this.#counts.set(peer, (known ?? 0) + 1);
    if (!this.#isWaiting) void this.#logLater();
  }

  /** Logs what is counted, and stops waiting. May be called twice. */
  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#log();
  }

  async #logLater(): Promise<void> {
    const { signal } = this.#closing;
    this.#isWaiting = true;
    await this.options.clock.sleep(INTERVAL_MS, signal);
    this.#isWaiting = false;
    if (!signal.aborted) this.#log();
  }

  #log(): void {
    const { what } = this.options;
    const counts = [...this.#counts].sort(([, a], [, b]) => b - a);
    const rest = counts.slice(NAMED_PEERS);
    for (const [peer, count] of counts.slice(0, NAMED_PEERS)) {
      this.#write(`${count} ${what} of ${peer}`);
    }
    const others = rest.reduce((sum, [, count]) => sum + count, this.#others);
    if (others > 0) this.#write(`${others} ${what} of other peers`);
    this.#counts.clear();
    this.#others = 0;
  }

  #write(refused: string): void {
    this.options.log.warn(`${refused} refused in the last minute`);
  }
}
