import type { DaemonControl } from "../sentinel/daemon_control.ts";
import type { CommandContext } from "./command.ts";
import type { OptionName } from "./options.ts";

/** Options that say which daemon is meant. */
export const TARGET_OPTIONS: readonly OptionName[] = ["config", "pid-file", "socket"];

/** The daemon that options and configuration name, else the only one of the user's. */
export async function daemonTarget(
  { args, config, clock }: CommandContext,
): Promise<DaemonControl> {
  const { composeDaemonControl } = await import("../compose_daemon_control.ts");
  return await composeDaemonControl({
    pidFile: args.value("pid-file") ?? config?.config.process.pid_file,
    socket: args.value("socket") ?? config?.config.ipc.path,
    softwarePath: config?.config.software.path,
    stateDir: config?.config.license.state_dir,
    user: config?.config.process.user,
    rootFolder: config?.config.security.chroot_directory,
    clock,
  });
}

/** What its shutdown takes at most, and some more to tell that it did not. */
export function stopTimeoutMs({ config }: CommandContext): number {
  const { timeout_ms = 30_000 } = config?.config.shutdown ?? {};
  return timeout_ms + 5_000;
}
