import type { Clock } from "../core/clock.ts";

/** An operation with a deadline. */
export interface Deadlined {
  /** On the scale of {@linkcode Clock.monotonicMs}; Infinity if there is none. */
  readonly deadlineMs: number;
  expire(): void;
}

/**
 * Expires entries at their deadlines with a single timer. It sleeps until the earliest deadline, but at most for the shortest
 * timeout, so that setting a deadline costs nothing. No timer runs while there is no deadline.
 */
export class Deadlines {
  readonly #entries = new Set<Deadlined>();
  readonly #clock: Clock;
  readonly #shortestMs: () => number;
  readonly #closing = new AbortController();
  #running = false;
  #nap = new AbortController();
  #sweep: Promise<void> | undefined;

  /** @param shortestMs The shortest timeout that any deadline is set with. */
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

  /** Call after setting an entry's deadline. */
  arm(): void {
    if (this.#running || this.#closing.signal.aborted) return;
    this.#running = true;
    this.#sweep = this.#run();
  }

  /** Call after the shortest timeout changes. */
  rearm(): void {
    this.#nap.abort();
  }

  /** Stops the timer; resolves when it has stopped. */
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

  /** Expires entries and returns the earliest remaining deadline. */
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

/** Limits of connections. Times in milliseconds; 0 is no limit. */
export interface IpcLimits {
  /** From a message's first byte to its last, and from the connection to its first byte. */
  readonly readTimeoutMs: number;
  /** For the peer to read a batch of answers. */
  readonly writeTimeoutMs: number;
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** Further connections are closed at once. */
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: IpcLimits = {
  readTimeoutMs: 60_000,
  writeTimeoutMs: 5_000,
  idleTimeoutMs: 0,
  maxConnections: 64,
};

/** The shortest timeout; Infinity if there is none. */
export function findShortestTimeoutMs(limits: IpcLimits): number {
  const timeouts = [limits.readTimeoutMs, limits.writeTimeoutMs, limits.idleTimeoutMs];
  return Math.min(...timeouts.filter((ms) => ms > 0));
}

/** Longest JSON line, without its line feed. */
export const MAX_LINE_BYTES = 65_536;
/** Longest payload of a frame, and longest answer that a client accepts. */
export const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;
