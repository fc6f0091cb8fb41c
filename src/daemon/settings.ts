import type { Config } from "../config/schema.ts";
import { parseProbe } from "../core/health_probe.ts";
import type { ProcessLimits } from "../platform/process_contract.ts";
import type { IpcSettings } from "../agent/run_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";
import type { Platform } from "../platform/contract.ts";
import { ConfigError } from "../core/errors.ts";

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
function daemonLimits({ limits }: Pick<Config, "limits">): ProcessLimits {
  return { openFiles: limits.open_files, coreBytes: limits.core_bytes };
}

const LIMIT_KEYS: Readonly<Partial<Record<keyof ProcessLimits, string>>> = {
  openFiles: "limits.open_files",
  coreBytes: "limits.core_bytes",
};

/**
 * Sets the daemon's own limits.
 *
 * @throws {ConfigError} where the system refuses any.
 */
export async function limitDaemon(
  config: Pick<Config, "limits">,
  { platform, pid }: { platform: Pick<Platform, "processControl">; pid: number },
): Promise<void> {
  const limits = daemonLimits(config);
  if (Object.values(limits).every((value) => value === undefined)) return;
  const refused = (await platform.processControl()).limit(pid, limits);
  if (refused.length === 0) return;
  const values = refused.map((name) => `${LIMIT_KEYS[name]} = ${limits[name]}`).join(", ");
  throw new ConfigError("config.limits", `limits are refused by the system: ${values}`);
}

/** A change of settings that can be refused no more: all that it needs is open. Disposing it closes what was not applied. */
export interface PreparedChange extends AsyncDisposable {
  /** Puts it into force; to be called once. */
  apply(): Promise<void>;
}

/** Where all stays as it is. */
export const NO_CHANGE: PreparedChange = {
  apply: () => Promise.resolve(),
  [Symbol.asyncDispose]: () => Promise.resolve(),
};
