import type { TamperPolicy } from "../core/build_info.ts";
import type { Host } from "../platform/host.ts";
import { checkSoftware, loadLicense, type SignedLicense } from "../license/license_file.ts";
import type { LicenseSource } from "../license/license_source.ts";
import { checkDates } from "../license/payload.ts";
import type { IpcLimits } from "../ipc/limits.ts";
import type { ProcessLimits } from "../platform/process_contract.ts";
import type { OrganizationKeySource } from "../license/organization_key.ts";
import type { Verify } from "../signing/ecdsa.ts";
import type { StopRequest } from "./stop_request.ts";
import type { SupervisionSettings } from "../supervision/supervisor.ts";
import { resolveSocketPlaces, type SocketPlaces } from "../ipc/socket.ts";

/**
 * Loads the license of a run: genuine, valid now or later, and for the software that the request names.
 *
 * @throws {LicenseError}
 */
export async function loadRequestedLicense(
  { license, softwareId }: Pick<RunRequest, "license" | "softwareId">,
  { verify, clock, stopRequest: { stop } }: Pick<
    RunDependencies,
    "verify" | "clock" | "stopRequest"
  >,
): Promise<SignedLicense> {
  const signed = await loadLicense(license, { verify, clock, stop });
  checkSoftware(signed.license, softwareId);
  checkDates(signed.license, Math.max(clock.wallMs(), Date.parse(signed.license.issue_date)));
  return signed;
}

/** Stands for a machine id that is not known yet: as long as any in a socket's name (UUID, RFC 9562). */
export const SAMPLE_MACHINE_ID = "00000000-0000-0000-0000-000000000000";

/**
 * Chooses where the run's socket may be.
 *
 * @throws {SocketPathError} `config.ipc_path` if the configured path cannot be used.
 */
export function resolveIpcPlaces(
  { ipc: { location, path } }: Pick<RunRequest, "ipc">,
  { platform, env, machineId }:
    & Pick<Host, "platform" | "env">
    & { readonly machineId: string },
): SocketPlaces {
  return resolveSocketPlaces({
    ...{ machineId, location, path },
    runtimeFolder: platform.runtimeFolder(env),
    privateFolder: platform.replicaFolder(env),
    pipePrefix: platform.pipes?.prefix,
    maxBytes: platform.maxSocketPathBytes,
  });
}

/**
 * Checks the socket's path, before an activation that would be in vain.
 *
 * @throws {SocketPathError} as {@linkcode resolveIpcPlaces}.
 */
export function checkIpcPath(
  request: Pick<RunRequest, "ipc">,
  host: Pick<Host, "platform" | "env">,
): void {
  resolveIpcPlaces(request, { ...host, machineId: SAMPLE_MACHINE_ID });
}

/** Settings of the socket; `src/ipc` has the defaults. */
export interface IpcSettings {
  readonly location?: "runtime" | "tmp" | "auto";
  /** The socket's path; takes precedence over `location`. */
  readonly path?: string | undefined;
  /** Whether every process of the user may read the license, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  readonly limits?: Partial<IpcLimits>;
}

/** The inputs of a license proof; `sentinel doctor` examines the same. */
export interface LicenseRequest {
  readonly license: LicenseSource | undefined;
  readonly orgKey: OrganizationKeySource | undefined;
  /** The only software that the license may be for (default: any). */
  readonly softwareId?: string | undefined;
  /** Overrides the license's URL. */
  readonly serverUrl: string | undefined;
  /** The folder for the product's state and keys (default: one in the user's data folder). */
  readonly stateDir: string | undefined;
  /** Keeps a state replica outside the folder even if `stateDir` is given. */
  readonly strictRollback?: boolean | undefined;
  /** This machine's name at an activation (default: its host name). */
  readonly machineName?: string | undefined;
  /** Certificates to trust in addition to the system's (PEM). */
  readonly caFile: string | undefined;
  readonly ipc: IpcSettings;
}

/** The description of a run, resolved from options, variables and the configuration file. */
export interface RunRequest extends LicenseRequest {
  readonly license: LicenseSource;
  readonly orgKey: OrganizationKeySource;
  /** Absolute. */
  readonly softwarePath: string;
  readonly softwareArgs: readonly string[];
  /** Added to Sentinel's environment. */
  readonly softwareEnv: Readonly<Record<string, string>>;
  /** Standard streams: inherited (the default) or none. */
  readonly softwareStreams?: "inherit" | "null" | undefined;
  /** Resource limits (default: none). */
  readonly softwareLimits?: ProcessLimits | undefined;
  /** The software's working directory (default: Sentinel's). */
  readonly workingDirectory: string | undefined;
  /** Restarts and health checks (default: none). */
  readonly supervision?: SupervisionSettings | undefined;
  /** Response to tampering (default: `degrade`). */
  readonly tamperPolicy?: TamperPolicy | undefined;
}

/** Dependencies of a run; `src/app/run.ts` opens them. */
export interface RunDependencies extends Host {
  readonly fetch: typeof fetch;
  /** Verifies with the organization's public key. */
  readonly verify: Verify;
  readonly stopRequest: StopRequest;
  /** This machine's host name, if it is known. */
  readonly hostName?: (() => string | undefined) | undefined;
}
