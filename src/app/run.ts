import type { Host } from "../platform/host.ts";
import { loadOrganizationKey } from "../license/organization_key.ts";
import { createHost, loadTrustedFetch } from "./host.ts";
import { onSignal, stopOnFailure } from "./signals.ts";
import { ConfigError } from "../core/errors.ts";
import { runSentinel } from "../agent/run.ts";
import type { Deactivation, DeactivationRequest } from "../agent/deactivate.ts";
import type { RunDependencies, RunRequest } from "../agent/run_request.ts";
import { PlainHost } from "../agent/run_host.ts";
import { StopRequestSource } from "../agent/stop_request.ts";

/** Clock, randomness, log and the failure signal of a program that runs software. */
export interface ProgramSources extends Pick<Host, "log" | "clock" | "random"> {
  /** Aborted by an uncaught error, after which the program stops. */
  readonly failed: AbortSignal;
}

/** Runs the software under its license and resolves to the exit status. */
export async function composeRun(
  request: RunRequest,
  { failed, ...sources }: ProgramSources,
): Promise<number> {
  const stopRequest = new StopRequestSource();
  using _failure = stopOnFailure(failed, { ...sources, stopRequest });
  const startedOnTerminal = Deno.stdin.isTerminal();
  const host = new PlainHost({
    stopRequest,
    // after a hangup standard input is no longer a terminal
    hasLostTerminal: () => startedOnTerminal && !Deno.stdin.isTerminal(),
    log: sources.log,
  });
  const removals = [
    onSignal("run", "stop", (signal) => stopRequest.receive(signal)),
    onSignal("run", "reload", () => host.onHangup()),
  ];
  try {
    using deps = await openRunDependencies(request, {
      host: createHost("run", sources),
      stopRequest,
    });
    return await runSentinel(request, deps, host);
  } finally {
    for (const remove of removals) remove();
  }
}

/** Gives this machine's place on a license back. */
export async function composeDeactivation(
  request: DeactivationRequest,
  sources: Pick<Host, "log" | "clock" | "random">,
): Promise<Deactivation> {
  const { deactivate } = await import("../agent/deactivate.ts");
  const host = createHost("run", sources), stopRequest = new StopRequestSource();
  using deps = await openRunDependencies(request, { host, stopRequest });
  return await deactivate(request, deps);
}

/** Opens a run's dependencies; the caller disposes of them. */
export async function openRunDependencies<H extends Host>(
  request: Pick<RunRequest, "orgKey" | "caFile" | "serverUrl">,
  { host, stopRequest }: { host: H; stopRequest: StopRequestSource },
): Promise<H & Omit<RunDependencies, keyof Host> & Disposable> {
  const verify = await loadOrganizationKey(request.orgKey);
  const trusted = await loadTrustedFetch(request.caFile);
  requireHttpUrl(request.serverUrl);
  return {
    ...host,
    fetch: trusted?.fetch ?? fetch,
    verify,
    hostName: readHostName,
    stopRequest,
    [Symbol.dispose]: () => trusted?.[Symbol.dispose](),
  };
}

/** Returns `undefined` if the build does not permit to read it. */
function readHostName(): string | undefined {
  try {
    return Deno.hostname();
  } catch {
    return undefined;
  }
}

function requireHttpUrl(text: string | undefined): void {
  if (text === undefined || ["http:", "https:"].includes(URL.parse(text)?.protocol ?? "")) return;
  throw new ConfigError(
    "config.server_url",
    `--server-url must be an http(s) URL: current value is ${text}`,
  );
}
