import type { Clock } from "../../src/core/clock.ts";

/** A clock that stands still until it is moved. */
export interface FakeClock extends Clock {
  /** Moves time on and wakes who slept until then, in the order of their alarms. */
  advance(ms: number): Promise<void>;
  /** Resolves when so many sleepers wait at once. */
  sleepers(count: number): Promise<void>;
}

interface Sleeper {
  readonly untilMs: number;
  wake(): void;
}

export function fakeClock(): FakeClock {
  let nowMs = 0;
  const sleeping = new Set<Sleeper>();
  const waiting = new Set<{ count: number; resolve: () => void }>();
  const tellWaiting = () => {
    for (const entry of waiting) {
      if (sleeping.size < entry.count) continue;
      waiting.delete(entry);
      entry.resolve();
    }
  };
  return {
    wallMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep(ms, signal) {
      if (signal?.aborted || ms <= 0) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = () => {
          sleeping.delete(sleeper);
          signal?.removeEventListener("abort", wake);
          resolve();
        };
        const sleeper = { untilMs: nowMs + ms, wake };
        signal?.addEventListener("abort", wake);
        sleeping.add(sleeper);
        tellWaiting();
      });
    },
    async advance(ms) {
      const endMs = nowMs + ms;
      for (
        let next = earliest(sleeping);
        next && next.untilMs <= endMs;
        next = earliest(sleeping)
      ) {
        nowMs = next.untilMs;
        next.wake();
        await settle();
      }
      nowMs = endMs;
      await settle();
    },
    sleepers(count) {
      return new Promise((resolve) => {
        waiting.add({ count, resolve });
        tellWaiting();
      });
    },
  };
}

function earliest(sleeping: ReadonlySet<Sleeper>): Sleeper | undefined {
  return [...sleeping].sort((a, b) => a.untilMs - b.untilMs)[0];
}

/** Lets what was woken run, sockets included: one turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
