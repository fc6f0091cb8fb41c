import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/log.ts";
import type { Agent } from "./agent.ts";
import type { ControlHandler, ControlMethod } from "../ipc/service.ts";
import type { IpcLimits } from "../ipc/limits.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import type { ProcessLimits } from "../platform/process_control.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { checkIpcPath } from "./ipc_path.ts";
import type { TamperPolicy } from "./degradation_schedule.ts";
import { UnreachableError } from "./endings.ts";
import { CurrentLicense, type Licensing, type ProvedLicense } from "./licensing.ts";
import { serveAndSupervise } from "./serve_and_supervise.ts";
import type { SoftwareRecorder } from "./software_recorder.ts";
import { StandardLicensing } from "./standard.ts";
import { loadLicenseOf } from "./own_license.ts";
import type { StopRequest } from "./stop_request.ts";
import type { SupervisionSettings } from "./supervision_settings.ts";

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
  /** Its standard streams: ours (the default), or none. */
  readonly softwareStreams?: "inherit" | "null" | undefined;
  /** Limits of its own (default: none). */
  readonly softwareLimits?: ProcessLimits | undefined;
  /** Where the software starts; ours where it is absent. */
  readonly workingDirectory: string | undefined;
  readonly ipc: IpcSettings;
  /** The only software that licences may be for (default: any). */
  readonly softwareId?: string | undefined;
  /** Overrides the licence's own. */
  readonly serverUrl: string | undefined;
  /** When the software is started again (default: never). */
  readonly supervision?: SupervisionSettings | undefined;
  /** What is done about tampering (default: `degrade`). */
  readonly tamperPolicy?: TamperPolicy;
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

/** Who hosts a run: `sentinel run`, or the daemon. */
export interface RunHost {
  /** What the socket's control methods do; the agent is there by the time they are called. */
  control(agent: () => Agent): Partial<Record<ControlMethod, ControlHandler>>;
  /** What `status` shows besides the agent's own. */
  status(): object;
  /** Called when the socket listens; no software runs yet. */
  onServing(agent: Agent): void | Promise<void>;
  /** Who records what the software writes; asked for at each launch. */
  readonly recorder?: SoftwareRecorder | undefined;
  /** Called at each launch of the software. */
  onRunning(agent: Agent): void;
  /** Called when the end has begun, before the software is stopped; once. */
  onEnding(): void | Promise<void>;
}

/**
 * Proves the licence, launches the software and stays until it ends.
 *
 * @returns The software's exit status; 0 where we were asked to stop.
 * @throws {SentinelError} Why nothing was launched, or why the software was stopped.
 */
export async function runSentinel(
  request: RunRequest,
  deps: RunDependencies,
  host: RunHost,
): Promise<number> {
  const { log, stopRequest: { stop } } = deps;
  checkIpcPath(request, deps);
  const license = await loadLicenseOf(request, deps);
  using licensing = await openLicensing(license, request, deps);
  let first: ProvedLicense;
  try {
    first = await licensing.prove(license, stop);
  } catch (error) {
    // whoever asks to stop while the server is asked need not hear that it did not answer
    if (!(stop.aborted && error instanceof UnreachableError)) throw error;
    log.info(`Received signal ${stop.reason}, shutting down...`);
    return 0;
  }
  await using current = new CurrentLicense(first, licensing);
  return await serveAndSupervise(request, deps, { licensing, current, host });
}

async function openLicensing(
  license: License,
  request: RunRequest,
  deps: RunDependencies,
): Promise<Licensing> {
  if (license.license_type === "STANDARD") {
    return await StandardLicensing.open(license, request, deps);
  }
  const { HardwareBoundLicensing } = await import("./hardware_bound.ts");
  return await HardwareBoundLicensing.open(license, deps);
}
