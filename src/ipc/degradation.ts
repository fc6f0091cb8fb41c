/** How far the answers have been made worse, in rising order. */
const DEGRADE_STAGES = ["normal", "warnings", "errors", "slowdown", "crash"] as const;
export type DegradeStage = (typeof DEGRADE_STAGES)[number];

/** A number from 0 (included) to 1 (excluded). */
export type Random = () => number;

/** What a licence request fails with, as an ailing system would word it. */
const SYSTEM_ERRORS = [
  "resource temporarily unavailable",
  "connection reset by peer",
  "input/output error",
  "no buffer space available",
  "operation timed out",
] as const;

const FAILING_SHARE = 0.3;
const SLOWEST_MS = 3000, QUICKEST_MS = 500;

/** Whether answers are without features and some fail. */
export function hasErrors(stage: DegradeStage): boolean {
  return DEGRADE_STAGES.indexOf(stage) >= DEGRADE_STAGES.indexOf("errors");
}

/** The error that a licence request fails with this time, about three in ten; undefined where it does not. */
export function drawError(random: Random): string | undefined {
  if (random() >= FAILING_SHARE) return undefined;
  return SYSTEM_ERRORS[Math.floor(random() * SYSTEM_ERRORS.length)];
}

/** How much later a licence request is answered, in milliseconds; 0 before the stage `slowdown`. */
export function drawDelayMs(stage: DegradeStage, random: Random): number {
  if (DEGRADE_STAGES.indexOf(stage) < DEGRADE_STAGES.indexOf("slowdown")) return 0;
  return QUICKEST_MS + random() * (SLOWEST_MS - QUICKEST_MS);
}
