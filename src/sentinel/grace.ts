/** The part of a licence's record that is the grace meter; seconds. */
export interface GraceMeter {
  readonly grace_remaining_seconds: number;
  readonly grace_exhausted: boolean;
}

const SECONDS_PER_DAY = 86_400, SECONDS_PER_MINUTE = 60;

/** An interval and all retries of its heartbeat end within two; who was away for longer was frozen, and missed several. */
const LONGEST_HONEST_INTERVALS = 3;

/** The whole quota, as a licence starts with it. */
export function fullGrace(days: number): GraceMeter {
  return { grace_remaining_seconds: days * SECONDS_PER_DAY, grace_exhausted: false };
}

/** What is left after so many seconds. Nothing ever gives any of them back. */
export function charge<M extends GraceMeter>(meter: M, seconds: number): M {
  const left = Math.max(0, meter.grace_remaining_seconds - seconds);
  return {
    ...meter,
    grace_remaining_seconds: left,
    grace_exhausted: meter.grace_exhausted || left === 0,
  };
}

/** An interval between heartbeats, in seconds. */
export function intervalSeconds(intervalMinutes: number): number {
  return intervalMinutes * SECONDS_PER_MINUTE;
}

/**
 * The seconds that a missed heartbeat costs: one interval, or all that have gone by where the process was frozen.
 *
 * @param unpaidMs Time without the server that is not paid for.
 */
export function costOfMiss(intervalMinutes: number, unpaidMs: number): number {
  const seconds = intervalSeconds(intervalMinutes);
  const intervals = Math.floor(unpaidMs / 1000 / seconds);
  return seconds * (intervals < LONGEST_HONEST_INTERVALS ? 1 : intervals);
}

/** Whether the software may run while the server is unreachable. */
export function hasGrace({ grace_remaining_seconds, grace_exhausted }: GraceMeter): boolean {
  return !grace_exhausted && grace_remaining_seconds > 0;
}
