import type { IpcServer } from "../ipc/ipc_server.ts";
import type { Health } from "../process/health.ts";
import { watchSoftwareHealth } from "./health_watch.ts";
import { networkProbes } from "./network_probes.ts";
import type { RunDependencies } from "./run.ts";
import type { Software } from "./software.ts";
import { openTree } from "./stop_software.ts";
import type { SupervisionSettings } from "./supervision_settings.ts";

export interface RunHealthOptions {
  readonly software: Software;
  /** With `health`. */
  readonly settings: SupervisionSettings;
  readonly onChecked: (health: Health) => void;
  readonly deps: RunDependencies;
  readonly ipc: IpcServer;
}

/** Looks after the software of a run. */
export async function watchRunHealth(
  { software, settings: { health, policy }, onChecked, deps, ipc }: RunHealthOptions,
  signal: AbortSignal,
): Promise<Health> {
  return await watchSoftwareHealth({
    settings: health!,
    tree: await openTree(software.root, { ...deps, claimsOrphans: true }),
    isQueueFull: () => ipc.isFull,
    probes: networkProbes({ fetch: deps.fetch, hasAsked: () => ipc.takeChildRequests() }),
    searchPath: deps.readVariable("PATH"),
    clock: deps.clock,
    endsUnhealthy: policy.restartOnFailure,
    onChecked,
  }, signal);
}
