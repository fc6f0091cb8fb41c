import type { Clock } from "../core/clock.ts";

/** Who is waited for only so long. */
export interface Deadlined {
  /** When the waiting ends, as {@linkcode Clock.monotonicMs} counts; Infinity where nobody waits. */
  readonly deadlineMs: number;
  expire(): void;
}

/**
 * Ends what takes too long, with one timer for all. It sleeps until the earliest deadline, but never longer than the
 * shortest time a new one could have, so setting one costs nothing; while there is none, no timer runs.
 */
export class Deadlines {
  readonly #entries = new Set<Deadlined>();
  readonly #clock: Clock;
  readonly #shortestMs: () => number;
  readonly #closing = new AbortController();
  #running = false;
  #nap = new AbortController();
  #sweep: Promise<void> | undefined;

  /** @param shortestMs The shortest time from now at which any deadline is set. */
  constructor(clock: Clock, shortestMs: () => number) {
    this.#clock = clock;
    this.#shortestMs = shortestMs;
  }

  add(entry: Deadlined): void {
    this.#entries.add(entry);
  }

  remove(entry: Deadlined): void {
    this.#entries.delete(entry);
  }

  /** To be called whenever an entry's deadline was set. */
  arm(): void {
    if (this.#running || this.#closing.signal.aborted) return;
    this.#running = true;
    this.#sweep = this.#run();
  }

  /** To be called when the shortest time has become another. */
  rearm(): void {
    this.#nap.abort();
  }

  /** Stops the timer; resolves when it has ended. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#nap.abort();
    await this.#sweep;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      const nextMs = this.#expireUntil(nowMs);
      if (nextMs === Infinity) {
        this.#running = false;
        return;
      }
      if (this.#nap.signal.aborted) this.#nap = new AbortController();
      await this.#clock.sleep(Math.min(nextMs - nowMs, this.#shortestMs()), this.#nap.signal);
    }
  }

  /** The earliest deadline that is left. */
  #expireUntil(nowMs: number): number {
    let nextMs = Infinity;
    for (const entry of this.#entries) {
      const { deadlineMs } = entry;
      if (deadlineMs <= nowMs) entry.expire();
      else if (deadlineMs < nextMs) nextMs = deadlineMs;
    }
    return nextMs;
  }
}
