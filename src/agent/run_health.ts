import { describeCauses, describeError } from "../core/errors.ts";
import type { ManagedProcess } from "../process/managed_process.ts";
import type { Health, HealthCheck, ProbeFunctions } from "../process/health.ts";
import type { IpcServer } from "../ipc/server.ts";
import { watchSoftwareHealth } from "../supervision/health_watch.ts";
import type { RunDependencies } from "./run_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";

/**
 * Probes over the network.
 *
 * @param hasAsked Whether the software has asked over the local socket since this was called last.
 */
function networkProbes(
  { fetch, hasAsked }: { fetch: typeof globalThis.fetch; hasAsked: () => Promise<boolean> },
): ProbeFunctions {
  return {
    ipc: async () =>
      await hasAsked() ? undefined : "it has not asked over the socket since the last check",
    tcp: (hostname, port) => (signal) => connectOnce({ hostname, port }, signal),
    http: (url) => httpCheck(url, fetch),
  };
}

async function connectOnce(
  address: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<undefined> {
  const connection = await Deno.connect({ ...address, signal });
  connection.close();
}

/** Where it redirects to is not what was to be asked. */
function httpCheck(url: string, fetch: typeof globalThis.fetch): HealthCheck {
  return async (signal) => {
    try {
      const { ok, status, body } = await fetch(url, { signal, redirect: "manual" });
      await body?.cancel();
      return ok ? undefined : `HTTP ${status}`;
    } catch (error) {
      return describeFetchFault(error);
    }
  };
}

/** The runtime's own message says no more than that it failed, its cause why, behind the URL, which may hold a secret. */
function describeFetchFault(error: unknown): string {
  const why = describeCauses(error).at(-1) ?? describeError(error);
  return why.replace(/^error sending request for url \(.*?\): /, "");
}

interface RunHealthOptions {
  readonly software: ManagedProcess;
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
    tree: await software.openTree(),
    isQueueFull: () => ipc.isFull,
    probes: networkProbes({ fetch: deps.fetch, hasAsked: () => ipc.takeChildRequests() }),
    searchPath: deps.env("PATH"),
    clock: deps.clock,
    endsUnhealthy: policy.restartOnFailure,
    onChecked,
  }, signal);
}
