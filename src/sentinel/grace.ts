/** The part of a licence's record that is the grace meter; seconds. */
export interface GraceMeter {
  readonly grace_remaining_seconds: number;
  readonly grace_exhausted: boolean;
}

const SECONDS_PER_DAY = 86_400, SECONDS_PER_MINUTE = 60;

/** The whole quota, as a licence starts with it. */
export function fullGrace(days: number): GraceMeter {
  return { grace_remaining_seconds: days * SECONDS_PER_DAY, grace_exhausted: false };
}

/** What one missed heartbeat leaves. Nothing ever gives any of it back. */
export function chargeMiss<M extends GraceMeter>(meter: M, intervalMinutes: number): M {
  const left = Math.max(0, meter.grace_remaining_seconds - intervalMinutes * SECONDS_PER_MINUTE);
  return {
    ...meter,
    grace_remaining_seconds: left,
    grace_exhausted: meter.grace_exhausted || left === 0,
  };
}

/** Whether the software may run while the server is unreachable. */
export function hasGrace({ grace_remaining_seconds, grace_exhausted }: GraceMeter): boolean {
  return !grace_exhausted && grace_remaining_seconds > 0;
}
