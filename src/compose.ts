import { resolve } from "@std/path/posix";
import { readOrganizationKey } from "./license/organization_key.ts";
import type { Platform } from "./platform/contract.ts";
import { selectPlatform } from "./platform/select.ts";
import { ConfigError } from "./sentinel/config_error.ts";
import { type IpcSettings, type RunDependencies, runSentinel } from "./sentinel/run.ts";
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
}

/** A run with real dependencies. */
export async function composeRun(
  options: RunOptions,
  { log, clock, random }: Pick<RunDependencies, "log" | "clock" | "random">,
): Promise<number> {
  const platform = selectPlatform();
  const stopRequest = new StopRequestSource();
  const removals = platform.stopSignals.map((signal) =>
    onSignal(signal, () => stopRequest.receive(signal))
  );
  try {
    return await runSentinel({
      licensePath: options.licensePath,
      softwarePath: resolve(options.softwarePath),
      softwareArgs: options.softwareArgs,
      softwareEnv: options.softwareEnv,
      workingDirectory: options.workingDirectory,
      serverUrl: checkedUrl(options.serverUrl),
      ipc: options.ipc,
      stateFolder: () => options.stateDir ?? defaultStateFolder(platform),
    }, {
      platform,
      clock,
      random,
      newUuid: () => crypto.randomUUID(),
      fetch,
      log,
      verify: await readOrganizationKey(options.orgKeyPath),
      pid: Deno.pid,
      stopRequest,
      onSignal,
      readVariable: (name) => Deno.env.get(name),
    });
  } finally {
    for (const remove of removals) remove();
  }
}

function onSignal(signal: Deno.Signal, listener: () => void): () => void {
  Deno.addSignalListener(signal, listener);
  return () => Deno.removeSignalListener(signal, listener);
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
