const DAY_MS = 86_400_000;
/** For clocks that are behind ours. */
const BACKDATE_MS = 5 * 60_000;

/** Since when and until when a certificate counts, both to the second, as certificates tell time. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** From a little before now, so many days. */
export function validityOf(days: number, nowMs: number): Validity {
  return {
    notBefore: toSecond(nowMs - BACKDATE_MS),
    notAfter: toSecond(nowMs + days * DAY_MS),
  };
}

function toSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
