import type { Clock } from "../../src/core/clock.ts";

/** A clock that a test moves. */
export interface FakeClock extends Clock {
  /** Moves both clocks on and wakes whoever has slept long enough. */
  advance(ms: number): void;
  /** Resolves once somebody sleeps. */
  sleeping(): Promise<void>;
}

export function fakeClock(startMs = Date.parse("2026-06-15T12:00:00Z")): FakeClock {
  let nowMs = startMs;
  let noticed = Promise.withResolvers<void>();
  const sleepers = new Set<{ untilMs: number; wake: () => void }>();
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs - startMs,
    sleep(ms, signal) {
      if (signal?.aborted || ms <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const sleeper = {
          untilMs: nowMs + ms,
          wake() {
            sleepers.delete(sleeper);
            signal?.removeEventListener("abort", sleeper.wake);
            resolve();
          },
        };
        sleepers.add(sleeper);
        noticed.resolve();
        signal?.addEventListener("abort", sleeper.wake);
      });
    },
    sleeping() {
      if (sleepers.size === 0) noticed = Promise.withResolvers();
      return sleepers.size === 0 ? noticed.promise : Promise.resolve();
    },
    advance(ms) {
      nowMs += ms;
      for (const sleeper of [...sleepers]) if (sleeper.untilMs <= nowMs) sleeper.wake();
    },
  };
}
