import type { Config } from "../config/schema.ts";
import { parseProbe } from "../core/health_probe.ts";
import type { ProcessLimits } from "../platform/process_contract.ts";
import type { IpcSettings } from "../agent/run_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";
import type { Platform } from "../platform/contract.ts";
import { ConfigError } from "../core/errors.ts";

/** Restarts and health checks from `[software]` and `[health]`. */
export function getSupervisionSettings(
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
      // the schema accepts only valid probes
      probe: parseProbe(health.probe)!,
      memoryLimitMb: health.memory_limit_mb,
      script: health.health_check_script,
    },
  };
}

/** Settings of the socket from `[ipc]`, except `peer`, whose default depends on the build. */
export function getIpcSettings(
  { ipc }: Pick<Config, "ipc">,
): Required<Omit<IpcSettings, "peer">> {
  return {
    location: ipc.location,
    path: ipc.path,
    limits: {
      readTimeoutMs: ipc.read_timeout_ms,
      writeTimeoutMs: ipc.write_timeout_ms,
      idleTimeoutMs: ipc.idle_timeout_ms,
      maxConnections: ipc.max_connections,
    },
  };
}

/**
 * Limits of the software alone: the daemon's runtime needs much address space and many threads, and a full log must not
 * end it.
 */
export function getSoftwareLimits({ limits }: Pick<Config, "limits">): ProcessLimits {
  return {
    addressSpaceBytes: limits.address_space_bytes,
    processes: limits.processes,
    fileBytes: limits.file_bytes,
  };
}

/** Limits of the daemon, which the software inherits. */
function getDaemonLimits({ limits }: Pick<Config, "limits">): ProcessLimits {
  return { openFiles: limits.open_files, coreBytes: limits.core_bytes };
}

const LIMIT_KEYS: Readonly<Partial<Record<keyof ProcessLimits, string>>> = {
  openFiles: "limits.open_files",
  coreBytes: "limits.core_bytes",
};

/**
 * Sets the daemon's own limits.
 *
 * @throws {ConfigError} if the system refuses any of them.
 */
export async function limitDaemon(
  config: Pick<Config, "limits">,
  { platform, pid }: { platform: Pick<Platform, "processControl">; pid: number },
): Promise<void> {
  const limits = getDaemonLimits(config);
  if (Object.values(limits).every((value) => value === undefined)) return;
  const refused = (await platform.processControl()).limit(pid, limits);
  if (refused.length === 0) return;
  const values = refused.map((name) => `${LIMIT_KEYS[name]} = ${limits[name]}`).join(", ");
  throw new ConfigError("config.limits", `limits are refused by the system: ${values}`);
}

/** A change of settings that can no longer fail. Disposing it closes what was not applied. */
export interface PreparedChange extends AsyncDisposable {
  /** To be called once. */
  apply(): Promise<void>;
}

export const NO_CHANGE: PreparedChange = {
  apply: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
