import type { Host } from "../platform/host.ts";
import { loadValidLicense } from "../license/license_file.ts";
import type { License } from "../license/payload.ts";
import type { IpcLimits } from "../ipc/limits.ts";
import type { ProcessLimits } from "../platform/process_contract.ts";
import type { OrganizationKeySource } from "../license/organization_key.ts";
import type { Verify } from "../signing/ecdsa.ts";
import type { TamperPolicy } from "./degradation_schedule.ts";
import type { StopRequest } from "./stop_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";
import { socketPath } from "../ipc/socket.ts";

/**
 * The license in a file, valid now and for the software that this program is for.
 *
 * @throws {LicenseError}
 */
export async function loadLicenseOf(
  { licensePath, softwareId }: Pick<RunRequest, "licensePath" | "softwareId">,
  { verify, clock }: Pick<RunDependencies, "verify" | "clock">,
): Promise<License> {
  return await loadValidLicense(licensePath, { verify, wallMs: clock.wallMs(), softwareId });
}

/** A machine id as long as any that names a socket (UUID, RFC 9562). */
export const SOME_MACHINE_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Where the run's socket is to be.
 *
 * @throws {SocketPathError} `config.ipc_path` where the place that is configured cannot be.
 */
export function ipcPath(
  { ipc: { location, path } }: Pick<RunRequest, "ipc">,
  { platform, env, machineId }:
    & Pick<Host, "platform" | "env">
    & { readonly machineId: string },
): string {
  const runtimeFolder = platform.runtimeFolder(env);
  const maxBytes = platform.maxSocketPathBytes;
  const pipePrefix = platform.pipes?.prefix;
  return socketPath({ machineId, runtimeFolder, pipePrefix, location, path, maxBytes });
}

/**
 * Makes sure that the socket can be where it is configured, before a machine is activated in vain.
 *
 * @throws {SocketPathError} as {@linkcode ipcPath}.
 */
export function checkIpcPath(
  request: Pick<RunRequest, "ipc">,
  host: Pick<Host, "platform" | "env">,
): void {
  ipcPath(request, { ...host, machineId: SOME_MACHINE_ID });
}

/** How the socket is served; what is absent is as the socket's own defaults have it. */
export interface IpcSettings {
  readonly location?: "runtime" | "tmp" | "auto";
  /** The socket's path; beats the location. */
  readonly path?: string | undefined;
  /** Whether every process of the user may ask for the license, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  readonly limits?: Partial<IpcLimits>;
}

/** What a run proves its license with, as far as it is named; `sentinel doctor` examines the same. */
export interface LicenseRequest {
  readonly licensePath: string | undefined;
  readonly orgKey: OrganizationKeySource | undefined;
  /** The only software that the license may be for (default: any). */
  readonly softwareId?: string | undefined;
  /** Overrides the license's own. */
  readonly serverUrl: string | undefined;
  /** The folder for state and keys (default: the user's). */
  readonly stateDir: string | undefined;
  /** Certificates to trust besides the usual ones (PEM). */
  readonly caFile: string | undefined;
  readonly ipc: IpcSettings;
}

/** The one description of a run: options, variables and the configuration file have been weighed. */
export interface RunRequest extends LicenseRequest {
  readonly licensePath: string;
  readonly orgKey: OrganizationKeySource;
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
  /** When the software is started again (default: never). */
  readonly supervision?: SupervisionSettings | undefined;
  /** What is done about tampering (default: `degrade`). */
  readonly tamperPolicy?: TamperPolicy | undefined;
}

/** What a run works with; opened in `src/app/run.ts`. */
export interface RunDependencies extends Host {
  readonly fetch: typeof fetch;
  /** With the organization's public key. */
  readonly verify: Verify;
  readonly stopRequest: StopRequest;
}
