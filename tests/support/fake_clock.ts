import type { Clock } from "../../src/core/clock.ts";
import type { BootReading } from "../../src/platform/contract.ts";

interface Sleeper {
  readonly dueMs: number;
  wake(): void;
}

/** A clock that a test advances. */
export class FakeClock implements Clock {
  bootId = "first boot";
  #wallMs: number;
  #monotonicMs = 0;
  #sleptMs = 0;
  #sleepers: Sleeper[] = [];
  #fellAsleep = Promise.withResolvers<void>();

  constructor(wall = "2026-06-15T12:00:00Z") {
    this.#wallMs = Date.parse(wall);
  }

  wallMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** The clock of a boot that began an hour before. */
  readBoot(): BootReading {
    return {
      bootId: this.bootId,
      bootMs: Math.floor(3_600_000 + this.#monotonicMs),
      sleptMs: this.#sleptMs,
    };
  }

  timeout(ms: number): AbortSignal {
    const limit = new AbortController();
    this.sleep(ms).then(() => limit.abort(new DOMException("Signal timed out.", "TimeoutError")));
    return limit.signal;
  }

  /** Resolves when so many are asleep at once. */
  async sleepers(count: number): Promise<void> {
    while (this.#sleepers.length < count) await this.#fellAsleep.promise;
  }

  /** How many are asleep. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal?.removeEventListener("abort", wake);
        this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== self);
        resolve();
      };
      const self: Sleeper = { dueMs: this.#monotonicMs + ms, wake };
      this.#sleepers.push(self);
      this.#fellAsleep.resolve();
      this.#fellAsleep = Promise.withResolvers();
      signal?.addEventListener("abort", wake);
    });
  }

  /** Advances the time; wakes sleepers in order, and gives each one turn of the event loop. */
  async advance(ms: number): Promise<void> {
    const until = this.#monotonicMs + ms;
    for (;;) {
      await settle();
      const next = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (next === undefined || next.dueMs > until) break;
      this.#moveTo(next.dueMs);
      next.wake();
    }
    this.#moveTo(until);
    await settle();
  }

  /** Advances the time without waking sleepers. */
  skip(ms: number): void {
    this.#moveTo(this.#monotonicMs + ms);
  }

  /** Lets the machine sleep, which the monotonic clock counts as on Windows. */
  suspend(ms: number): void {
    this.#sleptMs += ms;
    this.skip(ms);
  }

  /** Moves the wall clock alone, as an administrator or a cheat does. */
  setWall(wall: string): void {
    this.#wallMs = Date.parse(wall);
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Lets what was woken run, ready sockets included: one turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
