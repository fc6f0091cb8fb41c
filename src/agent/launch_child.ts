import type { ManagedProcess } from "../process/managed_process.ts";
import { launchSoftware } from "../supervision/child.ts";
import type { SoftwareDependencies } from "../supervision/child_record.ts";
import type { RunRequest } from "./run_request.ts";

/** Launches the software with its own environment, which names the socket (`SENTINEL_IPC_SOCKET`). */
export async function launchChild(
  request: RunRequest,
  socket: string,
  deps: SoftwareDependencies,
): Promise<ManagedProcess> {
  const launch = await limitedLaunch(request, deps);
  return await launchSoftware({
    path: request.softwarePath,
    args: request.softwareArgs,
    env: { ...request.softwareEnv, SENTINEL_IPC_SOCKET: socket },
    cwd: request.workingDirectory,
    output: request.softwareStreams,
  }, { ...deps, launch });
}

/** Loaded only where there are limits. */
async function limitedLaunch(
  { softwareLimits: limits = {} }: RunRequest,
  { platform }: SoftwareDependencies,
): Promise<SoftwareDependencies["launch"]> {
  if (Object.values(limits).every((value) => value === undefined)) return undefined;
  const { launchLimited } = await import("../process/launch.ts");
  const control = await platform.processControl();
  return (options) => launchLimited(options, { limits, control });
}
