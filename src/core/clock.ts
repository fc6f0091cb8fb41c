/** Source of time and timers; tests pass a fake. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch; may jump. */
  wallMs(): number;
  /** Milliseconds from an arbitrary start; never runs backwards. */
  monotonicMs(): number;
  /**
   * Resolves after `ms` milliseconds, or as soon as `signal` is aborted.
   *
   * Never rejects; check the signal afterwards.
   */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A signal that aborts with a `TimeoutError` after `ms` milliseconds; does not keep the process alive. */
  timeout(ms: number): AbortSignal;
}

/** setTimeout takes a signed 32-bit number of milliseconds; a longer delay fires at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Readings of two clocks at almost the same time. */
export interface ClockReadings {
  /** Milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** Milliseconds from an arbitrary start. */
  readonly monotonicMs: number;
}

/** Reads the clocks of the runtime, which libraries beside it can replace. */
export function readRuntimeClocks(): ClockReadings {
  return { wallMs: Date.now(), monotonicMs: performance.now() };
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  // not setTimeout: its first call loads Node's timers, which takes longer than a request
  timeout: (ms) => AbortSignal.timeout(ms),
  async sleep(ms, signal) {
    let leftMs = ms;
    while (leftMs > 0 && !signal?.aborted) {
      const step = Math.min(leftMs, LONGEST_TIMER_MS);
      await startTimer(step, signal);
      leftMs -= step;
    }
  },
};

function startTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(id);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const id = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
  });
}

/** Resolves when the signal is aborted; at once if it already is. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/**
 * Waits for a promise, at most `ms` milliseconds.
 *
 * @param options `late` gives the result after that time, or throws; without side effects.
 */
export async function withDeadline<T, Late>(
  promise: Promise<T>,
  { clock, ms, late }: { clock: Pick<Clock, "sleep">; ms: number; late: () => Late },
): Promise<T | Late> {
  const settled = new AbortController();
  try {
    return await Promise.race([promise, clock.sleep(ms, settled.signal).then(late)]);
  } finally {
    settled.abort();
  }
}
