import { socketPath } from "../ipc/socket_path.ts";
import type { RunDependencies, RunRequest } from "./run.ts";

/** A machine id as long as any that names a socket (UUID, RFC 9562). */
export const SOME_MACHINE_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Where the run's socket is to be.
 *
 * @throws {SocketPlaceError} `config.ipc_path` where the place that is configured cannot be.
 */
export function ipcPath(
  { ipc: { location, path } }: Pick<RunRequest, "ipc">,
  { platform, readVariable, machineId }:
    & Pick<RunDependencies, "platform" | "readVariable">
    & { readonly machineId: string },
): string {
  const runtimeFolder = platform.runtimeFolder(readVariable);
  const maxBytes = platform.maxSocketPathBytes;
  const pipePrefix = platform.pipes?.prefix;
  return socketPath({ machineId, runtimeFolder, pipePrefix, location, path, maxBytes });
}

/**
 * Makes sure that the socket can be where it is configured, before a machine is activated in vain.
 *
 * @throws {SocketPlaceError} as {@linkcode ipcPath}.
 */
export function checkIpcPath(
  request: Pick<RunRequest, "ipc">,
  { platform, readVariable }: Pick<RunDependencies, "platform" | "readVariable">,
): void {
  ipcPath(request, { platform, readVariable, machineId: SOME_MACHINE_ID });
}
