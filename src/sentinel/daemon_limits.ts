import type { Config } from "../config/schema.ts";
import type { Platform } from "../platform/contract.ts";
import type { ProcessLimits } from "../platform/process_control.ts";
import { ConfigError } from "./config_error.ts";
import { daemonLimits } from "./configured.ts";

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
