import { describeCauses, describeError } from "../core/errors.ts";
import type { ManagedProcess } from "../process/managed_process.ts";
import type { Health, HealthCheck, ProbeFunctions } from "../process/health.ts";
import type { IpcServer } from "../ipc/server.ts";
import { watchChildHealth } from "../supervision/health_watch.ts";
import type { RunDependencies } from "./run_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";

/** @param hasAsked Whether the child has sent a request over the socket since the last call. */
function createProbes(
  { fetch, hasAsked }: { fetch: typeof globalThis.fetch; hasAsked: () => Promise<boolean> },
): ProbeFunctions {
  return {
    ipc: async () =>
      await hasAsked() ? undefined : "no request over the socket since the last check",
    tcp: (hostname, port) => (signal) => connectOnce({ hostname, port }, signal),
    http: (url) => createHttpCheck(url, fetch),
  };
}

async function connectOnce(
  address: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<undefined> {
  const connection = await Deno.connect({ ...address, signal });
  connection.close();
}

/** Does not follow redirects: their target is not what was to be checked. */
function createHttpCheck(url: string, fetch: typeof globalThis.fetch): HealthCheck {
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

/** The reason is in the cause of the runtime's error, after the URL, which may hold a secret. */
function describeFetchFault(error: unknown): string {
  const why = describeCauses(error).at(-1) ?? describeError(error);
  return why.replace(/^error sending request for url \(.*?\): /, "");
}

interface RunHealthOptions {
  readonly software: ManagedProcess;
  /** `health` must be set. */
  readonly settings: SupervisionSettings;
  readonly onChecked: (health: Health) => void;
  readonly deps: RunDependencies;
  readonly ipc: IpcServer;
}

/** Watches the health of a run's child. */
export async function watchRunHealth(
  { software, settings: { health, policy }, onChecked, deps, ipc }: RunHealthOptions,
  signal: AbortSignal,
): Promise<Health> {
  return await watchChildHealth({
    settings: health!,
    tree: await software.openTree(),
    isQueueFull: () => ipc.isFull,
    probes: createProbes({ fetch: deps.fetch, hasAsked: () => ipc.takeChildRequests() }),
    searchPath: deps.env("PATH"),
    clock: deps.clock,
    endsUnhealthy: policy.restartOnFailure,
    onChecked,
  }, signal);
}
