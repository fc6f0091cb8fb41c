import type { ProcessIdentity } from "../core/process.ts";
import { findServerPids } from "../ipc/client_connection.ts";
import type { Platform } from "../platform/contract.ts";
import type { ListedProcess, ProcessControl } from "../platform/process_contract.ts";
import { LAUNCH_TOKEN_VARIABLE, SOCKET_VARIABLE } from "../process/launch.ts";
import type { StopDependencies } from "./child_record.ts";
import { stopRecorded } from "./stop_child.ts";

/** A process tree that an earlier run of this machine launched. */
interface Carrier {
  readonly launchToken: string;
  readonly leader: ProcessIdentity;
}

/**
 * Stops software that earlier runs of this machine left behind, wherever their sockets and records were: it carries a
 * launch token, and no running Sentinel is its ancestor. Software of this run, ancestors of this process, and software of
 * other users or in containers stay.
 */
export async function stopAbandoned(deps: StopDependencies): Promise<void> {
  const { platform, pid, machineId } = deps;
  const control = await platform.processControl();
  const ownStart = control.identify(pid)?.startTime;
  if (ownStart === undefined) return;
  for (const carrier of findCarriers(machineId, control)) {
    const { leader } = carrier;
    const isEarlier = Number(leader.startTime) < Number(ownStart);
    if (!isEarlier || platform.isDescendant(pid, leader) || control.isInContainer(leader.pid)) {
      continue;
    }
    if (!await isOurs(leader.pid, platform)) continue;
    const socket = control.variable(leader.pid, SOCKET_VARIABLE);
    if (await isServed(leader.pid, socket, platform)) continue;
    await stopRecorded(carrier, deps);
  }
}

/** Finds the oldest process with each token of this machine. */
function findCarriers(machineId: string, control: ProcessControl): Carrier[] {
  const oldest = new Map<string, ListedProcess>();
  for (const process of control.list()) {
    const token = control.variable(process.pid, LAUNCH_TOKEN_VARIABLE);
    if (!token?.startsWith(`${machineId}/`)) continue;
    const known = oldest.get(token);
    if (known === undefined || Number(process.startTime) < Number(known.startTime)) {
      oldest.set(token, process);
    }
  }
  return Array.from(oldest, ([launchToken, { pid }]) => ({
    launchToken,
    leader: control.identify(pid),
  })).filter((carrier): carrier is Carrier => carrier.leader !== undefined);
}

/** Root sees every user's variables. */
async function isOurs(pid: number, platform: Platform): Promise<boolean> {
  const privileges = await platform.privileges();
  return privileges === undefined || String(privileges.userOf(pid)) === platform.userId();
}

/** Whether the process that serves the socket is an ancestor of the software. */
async function isServed(
  pid: number,
  path: string | undefined,
  platform: Platform,
): Promise<boolean> {
  if (path === undefined) return false;
  for (const server of await findServerPids(path, platform)) {
    const identity = await platform.identifyProcess(server);
    if (identity !== undefined && platform.isDescendant(pid, identity)) return true;
  }
  return false;
}
