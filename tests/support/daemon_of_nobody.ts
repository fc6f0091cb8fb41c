import { DaemonHarness, type DaemonHarnessOptions } from "./daemon_harness.ts";
import { programForAll } from "./program_for_all.ts";

/** nobody and its group, in Debian and its kin. */
export const NOBODY = 65534;

/** No capability, as `/proc/PID/status` writes it; proc_pid_status(5). */
export const NO_CAPABILITIES = "0000000000000000";

/** A scene that is nobody's, whose daemon root starts to become that user. */
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
