import type { Config } from "../config/schema.ts";
import type { SupervisionSettings } from "../sentinel/supervisor.ts";

/** How the software is kept running, as `[software]` and `[health]` say. */
export function supervisionSettings(
  { software, health }: Pick<Config, "software" | "health">,
): SupervisionSettings {
  return {
    policy: {
      restartOnFailure: health.restart_on_failure,
      finalExitCodes: [...software.success_exit_codes, ...software.no_restart_exit_codes],
      restartDelayMs: health.restart_delay_ms,
      maxRestartAttempts: health.max_restart_attempts,
    },
    health: {
      intervalMs: health.check_interval_ms,
      probe: health.probe,
      memoryLimitMb: health.memory_limit_mb,
      script: health.health_check_script,
    },
  };
}
