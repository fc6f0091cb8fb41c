import type { ProcessIdentity } from "../core/process_identity.ts";
import type { LicenseInfo } from "../ipc/license_answers.ts";
import { type IpcServer, serveIpc } from "../ipc/server.ts";
import { claimSocket, type SocketClaim } from "../ipc/socket_owner.ts";
import type { License } from "../license/payload.ts";
import { verifyChecksum } from "../process/checksum.ts";
import type { TreeRoot } from "../process/process_tree.ts";
import { Degradation } from "./degradation.ts";
import { ipcPath } from "./ipc_path.ts";
import type { RunDependencies, RunRequest } from "./run.ts";
import { runControl } from "./run_control.ts";
import type { ChildRecord } from "./software.ts";
import { supervise } from "./supervise.ts";
import type { Watch } from "./watches.ts";

/** A licence that has been proved, and what keeps it so while the software runs. */
export interface ProvedLicense {
  readonly license: License;
  /** Names the socket. */
  readonly machineId: string;
  readonly watches: readonly Watch[];
  /** What `status` adds about the licence. */
  readonly status: () => Record<string, string | number | boolean>;
  /** Called once the socket listens, with the way to tell those who watch, and to answer tampering. */
  readonly onServing?: (ipc: IpcServer, degradation: Degradation) => void;
}

/**
 * Checks the software, opens the socket, launches the software and stays until it ends. Socket and process are gone when
 * this returns or throws.
 *
 * @returns The exit status of the run.
 */
export async function serveAndSupervise(
  request: RunRequest,
  deps: RunDependencies,
  { license, machineId, watches, status, onServing }: ProvedLicense,
): Promise<number> {
  const { clock, log, platform, random, stopRequest } = deps;
  const { peer = "user", limits = {} } = request.ipc;
  const path = ipcPath(request, { ...deps, machineId });
  await using claim = await claimSocket(path);
  const { software_checksum: checksum } = license;
  const verified = checksum === undefined
    ? undefined
    : await verifyChecksum(request.softwarePath, checksum, platform);
  let launched: { leader: ProcessIdentity; atMs: number } | undefined;
  const uptime = () =>
    launched && { uptime_seconds: Math.floor((clock.monotonicMs() - launched.atMs) / 1000) };
  await using ipc = serveIpc({
    claim,
    license: licenseInfo(license),
    peer,
    limits,
    isDescendant: (pid) => launched !== undefined && platform.isDescendant(pid, launched.leader),
    control: runControl({
      stop: () => stopRequest.request("stop over the socket"),
      stats: () => ({ ...uptime(), ...ipc.counters() }),
    }),
    log,
    clock,
    random,
    platform,
    status: () => ({
      state: stopRequest.stop.aborted ? "stopping" : launched ? "running" : "starting",
      ...(launched && { pid: launched.leader.pid }),
      ...uptime(),
      ...status(),
      counters: ipc.counters(),
    }),
  });
  const degradation = new Degradation((stage) => ipc.setDegradeStage(stage));
  onServing?.(ipc, degradation);
  return await supervise({
    software: {
      path: request.softwarePath,
      args: request.softwareArgs,
      env: { ...request.softwareEnv, SENTINEL_IPC_SOCKET: path },
      cwd: request.workingDirectory,
    },
    watches: [...watches, degradation.watch],
    dependencies: {
      ...deps,
      verified,
      childRecord: childRecordIn(claim),
      onLaunched: (leader) => launched = { leader, atMs: clock.monotonicMs() },
    },
    stopRequest,
    onEnding: async () => {
      ipc.publish({ event: "stopping" });
      await ipc.close();
    },
  });
}

/** What the licensed software is told of its licence. */
function licenseInfo(license: License): LicenseInfo {
  const { license_key, license_type, expiry_date, features, org_id, software_id } = license;
  return { license_key, license_type, expiry_date, features, org_id, software_id };
}

/** The record is the leader's identity and the mark, flat. */
function childRecordIn(claim: SocketClaim): ChildRecord {
  return {
    read: async () => parseRoot(await claim.readRecord()),
    write: (root) => claim.writeRecord(root && { ...root.leader, mark: root.mark }),
  };
}

function parseRoot(record: unknown): TreeRoot | undefined {
  if (typeof record !== "object" || record === null) return undefined;
  const { pid, startTime, bootId, mark } = record as Record<string, unknown>;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 1) return undefined;
  if (typeof startTime !== "string" || typeof bootId !== "string") return undefined;
  return {
    leader: { pid, startTime, bootId },
    mark: typeof mark === "string" && mark !== "" ? mark : undefined,
  };
}
