import type { ManagedProcess } from "../process/managed_process.ts";
import { launchRecorded } from "../supervision/child.ts";
import type { ChildDependencies } from "../supervision/child_record.ts";
import { SOCKET_VARIABLE } from "../process/launch.ts";
import type { RunRequest } from "./run_request.ts";

/** Launches the software with its own environment and limits, and the socket's path in `SENTINEL_IPC_SOCKET`. */
export async function launchChild(
  request: RunRequest,
  socket: string,
  deps: ChildDependencies,
): Promise<ManagedProcess> {
  const launch = await loadLimitedLaunch(request, deps);
  return await launchRecorded({
    path: request.softwarePath,
    args: request.softwareArgs,
    env: { ...request.softwareEnv, [SOCKET_VARIABLE]: socket },
    cwd: request.workingDirectory,
    output: request.softwareStreams,
  }, { ...deps, launch });
}

/** Imports what sets limits only if there are any. */
async function loadLimitedLaunch(
  { softwareLimits: limits = {} }: RunRequest,
  { platform }: ChildDependencies,
): Promise<ChildDependencies["launch"]> {
  if (Object.values(limits).every((value) => value === undefined)) return undefined;
  const { launchLimited } = await import("../process/launch.ts");
  const control = await platform.processControl();
  return (options) => launchLimited(options, { limits, control });
}
