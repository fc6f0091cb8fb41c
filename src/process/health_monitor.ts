import type { Clock } from "../core/clock.ts";
import { describeError } from "../core/errors.ts";
import { type CheckResult, type Health, judgeHealth, UNKNOWN_HEALTH } from "./health.ts";

/** Looks at one thing; `signal` is aborted when its time is over. What it throws is a failure, too. */
export type HealthCheck = (signal: AbortSignal) => Promise<CheckResult> | CheckResult;

export interface HealthMonitorOptions {
  /** By name: `process`, `memory`, `probe`, `queue`, `script` or whatever the caller has. */
  readonly checks: Readonly<Record<string, HealthCheck>>;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Of each check; the interval by default. */
  readonly timeoutMs?: number | undefined;
  /** Whether the watch ends with the round that makes it unhealthy (default: it does). */
  readonly endsUnhealthy?: boolean | undefined;
  /** Called after each round. */
  readonly onChecked?: ((health: Health) => void) | undefined;
}

/**
 * Checks at every interval until it is unhealthy or told to stop. Checks of a round run side by side, and no round begins
 * before the one before is over; one that does not end in time has failed.
 *
 * @returns The health that is `unhealthy`, or the last one known where `signal` was aborted.
 */
export async function watchHealth(
  options: HealthMonitorOptions,
  signal: AbortSignal,
): Promise<Health> {
  const { checks, clock, intervalMs, timeoutMs = intervalMs, endsUnhealthy = true } = options;
  let health = UNKNOWN_HEALTH;
  while (!signal.aborted) {
    await clock.sleep(intervalMs, signal);
    if (signal.aborted) break;
    const results = await checkAll(checks, { clock, timeoutMs, signal });
    if (signal.aborted) break;
    health = judgeHealth(health, { results, atMs: clock.wallMs() });
    options.onChecked?.(health);
    if (endsUnhealthy && health.status === "unhealthy") break;
  }
  return health;
}

async function checkAll(
  checks: Readonly<Record<string, HealthCheck>>,
  limits: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<Record<string, CheckResult>> {
  const entries = Object.entries(checks).map(async ([name, check]) =>
    [name, await checkInTime(check, limits)] as const
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Never rejects. */
async function checkInTime(
  check: HealthCheck,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal },
): Promise<CheckResult> {
  const over = new AbortController();
  const isOver = new AbortController();
  const onAbort = () => isOver.abort();
  signal.addEventListener("abort", onAbort);
  const timer = clock.sleep(timeoutMs, isOver.signal).then(() => {
    over.abort();
    return `no answer within ${timeoutMs} ms`;
  });
  try {
    return await Promise.race([Promise.resolve().then(() => check(over.signal)), timer]);
  } catch (error) {
    return describeError(error);
  } finally {
    isOver.abort();
    signal.removeEventListener("abort", onAbort);
    await timer;
  }
}
