import { DaemonHarness, type DaemonHarnessOptions } from "./daemon_harness.ts";
import { programForAll } from "./program_for_all.ts";

/** Id of `nobody` and its group in Debian. */
export const NOBODY = 65534;

/** No capability, as `/proc/PID/status` writes it; proc_pid_status(5). */
export const NO_CAPABILITIES = "0000000000000000";

/** Opens a harness owned by `nobody`, whose daemon starts as root and drops to that user. */
export async function openUnprivilegedDaemon(
  options: DaemonHarnessOptions = {},
): Promise<DaemonHarness> {
  const harness = await DaemonHarness.open({
    ...options,
    tables: `[process]\nuser = "nobody"\n${options.tables ?? ""}`,
    program: await programForAll(),
  });
  await harness.giveTo(NOBODY);
  return harness;
}
