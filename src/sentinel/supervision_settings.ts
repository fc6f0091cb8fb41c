import type { RestartPolicy } from "../process/restart_policy.ts";
import type { HealthSettings } from "./health_watch.ts";

/** When the software is started again, and how its health is told. */
export interface SupervisionSettings {
  readonly policy: RestartPolicy;
  /** Absent where nobody looks after it. */
  readonly health?: HealthSettings | undefined;
}

/** The software's end is the end, whatever it is. */
export const LAUNCH_ONCE: SupervisionSettings = {
  policy: { restartOnFailure: false, finalExitCodes: [], restartDelayMs: 0, maxRestartAttempts: 0 },
};
