import { resolve } from "../core/paths.ts";
import type { TamperPolicy } from "../agent/degradation_schedule.ts";
import { loadOrganizationKey, type OrganizationKeySource } from "../license/organization_key.ts";
import type { ProcessLimits } from "../platform/process_contract.ts";
import { onSignal } from "./signals.ts";
import { trustedFetch } from "./trusted_fetch.ts";
import { selectPlatform } from "../platform/select.ts";
import { ConfigError } from "../core/errors.ts";
import { runSentinel } from "../agent/run.ts";
import type { IpcSettings, RunDependencies, RunRequest } from "../agent/run_request.ts";
import { PlainHost } from "../agent/run_host.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";
import { stateFolder } from "../state/state_folder.ts";
import { StopRequestSource } from "../agent/stop_request.ts";

/** What `sentinel run` was told. */
export interface RunOptions {
  readonly licensePath: string;
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  /** On top of our own environment. */
  readonly softwareEnv: Readonly<Record<string, string>>;
  /** Its standard streams: ours (the default), or none. */
  readonly softwareStreams?: "inherit" | "null" | undefined;
  /** Limits of its own (default: none). */
  readonly softwareLimits?: ProcessLimits | undefined;
  /** Where the software starts; ours where it is absent. */
  readonly workingDirectory: string | undefined;
  readonly serverUrl: string | undefined;
  readonly stateDir: string | undefined;
  readonly orgKey: OrganizationKeySource;
  /** The only software that the licence may be for (default: any). */
  readonly softwareId?: string | undefined;
  readonly ipc: IpcSettings;
  /** Certificates to trust besides the usual ones (PEM). */
  readonly caFile: string | undefined;
  /** When the software is started again (default: never). */
  readonly supervision?: SupervisionSettings | undefined;
  /** What is done about tampering (default: `degrade`). */
  readonly tamperPolicy: TamperPolicy | undefined;
}

type RunSources = Pick<RunDependencies, "log" | "clock" | "random">;

/** A run with real dependencies. */
export async function composeRun(options: RunOptions, sources: RunSources): Promise<number> {
  const stopRequest = new StopRequestSource();
  const startedOnTerminal = Deno.stdin.isTerminal();
  const host = new PlainHost({
    stopRequest,
    // what was hung up is no terminal any more
    hasLostTerminal: () => startedOnTerminal && !Deno.stdin.isTerminal(),
    log: sources.log,
  });
  const { stopSignals, reloadSignal } = selectPlatform();
  const removals = stopSignals.map((signal) => onSignal(signal, () => stopRequest.receive(signal)));
  if (reloadSignal !== undefined) removals.push(onSignal(reloadSignal, () => host.onHangup()));
  try {
    using parts = await buildRun(options, { ...sources, stopRequest });
    return await runSentinel(parts.request, parts.deps, host);
  } finally {
    for (const remove of removals) remove();
  }
}

/** What a run is made of. */
interface RunParts extends Disposable {
  readonly request: RunRequest;
  readonly deps: RunDependencies;
}

/** Builds what a run works with; to be disposed of when it is over. */
export async function buildRun(
  options: RunOptions,
  { log, clock, random, stopRequest }: RunSources & Pick<RunDependencies, "stopRequest">,
): Promise<RunParts> {
  const platform = selectPlatform();
  const verify = await loadOrganizationKey(options.orgKey);
  const trusted = await trustedFetch(options.caFile);
  return {
    request: {
      licensePath: options.licensePath,
      softwarePath: resolve(options.softwarePath),
      softwareArgs: options.softwareArgs,
      softwareEnv: options.softwareEnv,
      softwareStreams: options.softwareStreams,
      softwareLimits: options.softwareLimits,
      workingDirectory: options.workingDirectory,
      softwareId: options.softwareId,
      serverUrl: checkedUrl(options.serverUrl),
      ipc: options.ipc,
      supervision: options.supervision,
      ...(options.tamperPolicy !== undefined && { tamperPolicy: options.tamperPolicy }),
      stateFolder: () => stateFolder(options.stateDir, { platform, readVariable }),
    },
    deps: {
      platform,
      clock,
      random,
      newUuid: () => crypto.randomUUID(),
      fetch: trusted?.fetch ?? fetch,
      log,
      verify,
      pid: Deno.pid,
      stopRequest,
      onSignal,
      readVariable,
    },
    [Symbol.dispose]: () => trusted?.[Symbol.dispose](),
  };
}

function readVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

function checkedUrl(text: string | undefined): string | undefined {
  const url = text === undefined ? undefined : URL.parse(text);
  if (url === undefined) return undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return text;
  throw new ConfigError(
    "config.server_url",
    `--server-url must be an http(s) URL: current value is ${text}`,
  );
}
