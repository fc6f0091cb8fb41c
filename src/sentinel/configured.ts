import type { Config } from "../config/schema.ts";
import { parseProbe } from "../core/probe_spec.ts";
import type { ProcessLimits } from "../platform/process_control.ts";
import type { IpcSettings } from "./run.ts";
import type { SupervisionSettings } from "./supervision_settings.ts";

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
      // the configuration is not valid without one
      probe: parseProbe(health.probe)!,
      memoryLimitMb: health.memory_limit_mb,
      script: health.health_check_script,
    },
  };
}

/** How the socket is served, as `[ipc]` says. */
export function ipcSettings({ ipc }: Pick<Config, "ipc">): Required<IpcSettings> {
  return {
    location: ipc.location,
    path: ipc.path,
    peer: ipc.peer,
    limits: {
      readTimeoutMs: ipc.read_timeout_ms,
      writeTimeoutMs: ipc.write_timeout_ms,
      idleTimeoutMs: ipc.idle_timeout_ms,
      maxConnections: ipc.max_connections,
    },
  };
}

/**
 * Limits that are for the software alone: address space and threads are what our own runtime takes much of, and a log that
 * is full must not end us.
 */
export function softwareLimits({ limits }: Pick<Config, "limits">): ProcessLimits {
  return {
    addressSpaceBytes: limits.address_space_bytes,
    processes: limits.processes,
    fileBytes: limits.file_bytes,
  };
}

/** Limits of the daemon itself, which the software inherits. */
export function daemonLimits({ limits }: Pick<Config, "limits">): ProcessLimits {
  return { openFiles: limits.open_files, coreBytes: limits.core_bytes };
}
