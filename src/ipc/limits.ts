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

/** How long a peer may take and how much it may send. Times in milliseconds; 0 is no limit. */
export interface IpcLimits {
  /** From a message's first byte to its end, and from the connection to its first byte. */
  readonly readTimeoutMs: number;
  /** How long a batch of answers may wait for a peer to read it. */
  readonly writeTimeoutMs: number;
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** The connection beyond these is closed at once. */
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: IpcLimits = {
  readTimeoutMs: 60_000,
  writeTimeoutMs: 5_000,
  idleTimeoutMs: 0,
  maxConnections: 64,
};

/** The shortest of the times; Infinity where none is limited. */
export function shortestTimeoutMs(limits: IpcLimits): number {
  const timeouts = [limits.readTimeoutMs, limits.writeTimeoutMs, limits.idleTimeoutMs];
  return Math.min(...timeouts.filter((ms) => ms > 0));
}

/** The longest JSON line, without its end. */
export const MAX_LINE_BYTES = 65_536;
/** The longest payload of a frame, and the longest answer that a client takes. */
export const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;
