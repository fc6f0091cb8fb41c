import type { DegradeStage } from "../ipc/license_answers.ts";

/** What a finding leads to. `report` leaves it at the log; `off` does not even look. */
export type TamperPolicy = "degrade" | "stop" | "report" | "off";

/** A stage and when it begins, milliseconds after the first finding. */
interface ScheduledStage {
  readonly stage: DegradeStage;
  readonly atMs: number;
}

const MINUTE_MS = 60_000, LONGEST_JITTER_MS = 30_000;

/**
 * The stages after a finding: warnings at once, errors after 2 minutes, slowdown after 5, crash after 10, each up to half a
 * minute earlier or later, so that none of it can be told by the clock.
 *
 * @param random Uniform in [0, 1).
 */
export function scheduleStages(random: () => number): readonly ScheduledStage[] {
  const about = (minutes: number) =>
    minutes * MINUTE_MS + Math.round((2 * random() - 1) * LONGEST_JITTER_MS);
  return [
    { stage: "warnings", atMs: 0 },
    { stage: "errors", atMs: about(2) },
    { stage: "slowdown", atMs: about(5) },
    { stage: "crash", atMs: about(10) },
  ];
}
