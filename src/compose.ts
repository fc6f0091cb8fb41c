import { resolve } from "@std/path/posix";
import type { TrustedFetch } from "./activation/trusted_fetch.ts";
import type { TamperPolicy } from "./sentinel/degradation_schedule.ts";
import { readOrganizationKey } from "./license/organization_key.ts";
import type { Platform } from "./platform/contract.ts";
import { selectPlatform } from "./platform/select.ts";
import { ConfigError } from "./sentinel/config_error.ts";
import { type IpcSettings, type RunDependencies, runSentinel } from "./sentinel/run.ts";
import { PlainHost } from "./sentinel/run_host.ts";
import type { SupervisionSettings } from "./sentinel/supervisor.ts";
import { StopRequestSource } from "./sentinel/stop_request.ts";

/** What `sentinel run` was told. */
export interface RunOptions {
  readonly licensePath: string;
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  /** On top of our own environment. */
  readonly softwareEnv: Readonly<Record<string, string>>;
  /** Where the software starts; ours where it is absent. */
  readonly workingDirectory: string | undefined;
  readonly serverUrl: string | undefined;
  readonly stateDir: string | undefined;
  readonly orgKeyPath: string;
  readonly ipc: IpcSettings;
  /** Certificates to trust besides the usual ones (PEM). */
  readonly caFile: string | undefined;
  /** When the software is started again (default: never). */
  readonly supervision?: SupervisionSettings | undefined;
  /** What is done about tampering (default: `degrade`). */
  readonly tamperPolicy: TamperPolicy | undefined;
}

/** A run with real dependencies. */
export async function composeRun(
  options: RunOptions,
  { log, clock, random }: Pick<RunDependencies, "log" | "clock" | "random">,
): Promise<number> {
  const platform = selectPlatform();
  using trusted = await trustedFetch(options.caFile);
  const stopRequest = new StopRequestSource();
  const startedOnTerminal = Deno.stdin.isTerminal();
  const host = new PlainHost({
    stopRequest,
    // what was hung up is no terminal any more
    hasLostTerminal: () => startedOnTerminal && !Deno.stdin.isTerminal(),
    log,
  });
  const removals = platform.stopSignals.map((signal) =>
    onSignal(signal, () => stopRequest.receive(signal))
  );
  if (platform.reloadSignal !== undefined) {
    removals.push(onSignal(platform.reloadSignal, () => host.onHangup()));
  }
  try {
    return await runSentinel({
      licensePath: options.licensePath,
      softwarePath: resolve(options.softwarePath),
      softwareArgs: options.softwareArgs,
      softwareEnv: options.softwareEnv,
      workingDirectory: options.workingDirectory,
      serverUrl: checkedUrl(options.serverUrl),
      ipc: options.ipc,
      supervision: options.supervision,
      ...(options.tamperPolicy !== undefined && { tamperPolicy: options.tamperPolicy }),
      stateFolder: () => options.stateDir ?? defaultStateFolder(platform),
    }, {
      platform,
      clock,
      random,
      newUuid: () => crypto.randomUUID(),
      fetch: trusted?.fetch ?? fetch,
      log,
      verify: await readOrganizationKey(options.orgKeyPath),
      pid: Deno.pid,
      stopRequest,
      onSignal,
      readVariable: (name) => Deno.env.get(name),
    }, host);
  } finally {
    for (const remove of removals) remove();
  }
}

function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
}

/** Loaded only where it is asked for. */
async function trustedFetch(caFile: string | undefined): Promise<TrustedFetch | undefined> {
  if (caFile === undefined) return undefined;
  const { openTrustedFetch } = await import("./activation/trusted_fetch.ts");
  return await openTrustedFetch(caFile);
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

function defaultStateFolder(platform: Platform): string {
  const folder = platform.defaultStateFolder((name) => Deno.env.get(name));
  if (folder !== undefined) return folder;
  throw new ConfigError("config.state_dir", "no home directory is known: give --state-dir");
}
