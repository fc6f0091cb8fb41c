import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { IpcLimits } from "../ipc/limits.ts";
import { loadValidLicense } from "../license/load_license.ts";
import type { Platform } from "../platform/contract.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { checkIpcPath } from "./ipc_path.ts";
import { runStandard } from "./standard.ts";
import type { StopRequest } from "./stop_request.ts";

/** How the socket is served; what is absent is as the socket's own defaults have it. */
export interface IpcSettings {
  readonly location?: "runtime" | "tmp" | "auto";
  /** The socket's path; beats the location. */
  readonly path?: string | undefined;
  /** Whether every process of the user may ask for the licence, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  readonly limits?: Partial<IpcLimits>;
}

/** What the user wants to be run. */
export interface RunRequest {
  readonly licensePath: string;
  /** Absolute. */
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  /** On top of our own environment. */
  readonly softwareEnv: Readonly<Record<string, string>>;
  /** Where the software starts; ours where it is absent. */
  readonly workingDirectory: string | undefined;
  readonly ipc: IpcSettings;
  /** Overrides the licence's own. */
  readonly serverUrl: string | undefined;
  /** The folder for state and keys; asked for only where one is needed. */
  readonly stateFolder: () => string;
}

/** What a run works with; built in `compose.ts`. */
export interface RunDependencies {
  readonly platform: Platform;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Makes a UUID v4. */
  readonly newUuid: () => string;
  readonly fetch: typeof fetch;
  readonly log: Logger;
  /** With the organisation's public key. */
  readonly verify: Verify;
  readonly pid: number;
  readonly stopRequest: StopRequest;
  /** Calls the listener on each such signal, until the function that it returns is called. */
  readonly onSignal: (signal: Deno.Signal, listener: () => void) => () => void;
  readonly readVariable: (name: string) => string | undefined;
}

/**
 * Proves the licence, launches the software and stays until it ends.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} Why nothing was launched, or why the software was stopped.
 */
export async function runSentinel(request: RunRequest, deps: RunDependencies): Promise<number> {
  const { verify, clock } = deps;
  checkIpcPath(request, deps);
  const license = await loadValidLicense(request.licensePath, { verify, wallMs: clock.wallMs() });
  if (license.license_type === "STANDARD") return await runStandard(license, request, deps);
  const { runHardwareBound } = await import("./hardware_bound.ts");
  return await runHardwareBound(license, request, deps);
}
