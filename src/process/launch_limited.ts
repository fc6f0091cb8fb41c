import type { ProcessControl, ProcessLimits } from "../platform/process_control.ts";
import { launch, type LaunchedProcess, type LaunchOptions } from "./launch.ts";
import { LaunchError } from "./launch_error.ts";

/**
 * Launches a program under limits of its own. They are set right after it was started (prlimit(2)), as ours would have
 * to be lowered otherwise, and hold for all that it brings forth from then on.
 *
 * @throws {LaunchError} `software.limits` where the system refuses one, as one that is higher than ours; the process is
 * killed.
 */
export async function launchLimited(
  options: LaunchOptions,
  { limits, control }: { limits: ProcessLimits; control: ProcessControl },
): Promise<LaunchedProcess> {
  const child = await launch(options);
  const refused = control.limit(child.pid, limits);
  const identity = control.identify(child.pid);
  if (refused.length === 0 || identity === undefined) return child;
  control.signalGroup(identity, "SIGKILL");
  await child.exited;
  await Promise.all([child.output?.stdout.cancel(), child.output?.stderr.cancel()]);
  const values = refused.map((name) => `${name} = ${limits[name]}`).join(", ");
  throw new LaunchError("limits", `limits are refused by the system: ${values}`);
}
