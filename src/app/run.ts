import { loadOrganizationKey } from "../license/organization_key.ts";
import { onSignal, type ProgramName } from "./signals.ts";
import { trustedFetch } from "./trusted_fetch.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";
import { runSentinel } from "../agent/run.ts";
import type { RunDependencies, RunRequest } from "../agent/run_request.ts";
import { PlainHost } from "../agent/run_host.ts";
import { StopRequestSource } from "../agent/stop_request.ts";

type RunSources = Pick<RunDependencies, "log" | "clock" | "random">;

/** A run with real dependencies. */
export async function composeRun(request: RunRequest, sources: RunSources): Promise<number> {
  const stopRequest = new StopRequestSource();
  const startedOnTerminal = Deno.stdin.isTerminal();
  const host = new PlainHost({
    stopRequest,
    // what was hung up is no terminal any more
    hasLostTerminal: () => startedOnTerminal && !Deno.stdin.isTerminal(),
    log: sources.log,
  });
  const removals = [
    onSignal("run", "stop", (signal) => stopRequest.receive(signal)),
    onSignal("run", "reload", () => host.onHangup()),
  ];
  try {
    using deps = await openRunDependencies("run", request, { ...sources, stopRequest });
    return await runSentinel(request, deps, host);
  } finally {
    for (const remove of removals) remove();
  }
}

/** Opens what a run works with; to be disposed of when it is over. */
export async function openRunDependencies(
  program: ProgramName,
  request: RunRequest,
  sources: RunSources & Pick<RunDependencies, "stopRequest">,
): Promise<RunDependencies & Disposable> {
  const verify = await loadOrganizationKey(request.orgKey);
  const trusted = await trustedFetch(request.caFile);
  requireHttpUrl(request.serverUrl);
  return {
    ...sources,
    platform: selectPlatform(),
    newUuid: () => crypto.randomUUID(),
    fetch: trusted?.fetch ?? fetch,
    verify,
    pid: Deno.pid,
    onSignal: (action, listener) => onSignal(program, action, listener),
    readVariable,
    [Symbol.dispose]: () => trusted?.[Symbol.dispose](),
  };
}

function readVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

function requireHttpUrl(text: string | undefined): void {
  if (text === undefined || ["http:", "https:"].includes(URL.parse(text)?.protocol ?? "")) return;
  throw new ConfigError(
    "config.server_url",
    `--server-url must be an http(s) URL: current value is ${text}`,
  );
}
