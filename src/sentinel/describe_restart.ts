import type { RestartPolicy, RunEnd } from "../process/restart_policy.ts";

/** A restart that is about to be. */
export interface Restart {
  readonly attempt: number;
  readonly delayMs: number;
  /** What made it necessary. */
  readonly end: RunEnd;
}

/** The line of the log that tells of it. */
export function describeRestart(
  { attempt, delayMs, end }: Restart,
  { maxRestartAttempts }: RestartPolicy,
): string {
  const when = delayMs === 0 ? "now" : `in ${Math.round(delayMs)} ms`;
  return `the software ${describeEnd(end)}: restart ${attempt} of ${maxRestartAttempts} ${when}`;
}

function describeEnd(end: RunEnd): string {
  switch (end.kind) {
    case "exited":
      return `exited with status ${end.code}`;
    case "killed":
      return `was killed (status ${end.code})`;
    case "not_launched":
      return "could not be launched";
    default:
      return "is unhealthy";
  }
}
