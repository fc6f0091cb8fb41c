import type { LicenseInfo } from "../ipc/license_answers.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { type VerifiedFile, verifyChecksum } from "../process/executable.ts";
import type { IpcServer } from "../ipc/server.ts";
import { ConfigError } from "../core/errors.ts";
import type { CurrentLicense } from "../enforcement/licensing.ts";
import type { TamperFindings } from "../enforcement/tamper_findings.ts";
import { loadLicenseOf, type RunDependencies, type RunRequest } from "./run_request.ts";
import type { Supervisor } from "../supervision/supervisor.ts";

/** What the licensed software is told of its license. */
export function licenseInfo(license: License): LicenseInfo {
  const { license_key, license_type, expiry_date, features, org_id, software_id } = license;
  return { license_key, license_type, expiry_date, features, org_id, software_id };
}

/** The software's file, whose checksum is verified once for each of its versions. */
export class VerifiedSoftware {
  readonly #path: string;
  readonly #platform: Pick<Platform, "fileVersion">;
  #verified: (VerifiedFile & { readonly checksum: string }) | undefined;

  constructor(path: string, platform: Pick<Platform, "fileVersion">) {
    this.#path = path;
    this.#platform = platform;
  }

  /**
   * Makes sure that the file is the one that the license is for.
   *
   * @param checksum As the license has it; without one any file will do.
   * @returns What the launch is to hold the file against.
   * @throws {ChecksumError}
   */
  async verify(checksum: string | undefined): Promise<VerifiedFile | undefined> {
    if (checksum === undefined) return undefined;
    const known = this.#verified;
    const isKnown = known?.checksum === checksum &&
      this.#platform.fileVersion(this.#path) === known.version;
    if (!isKnown) {
      this.#verified = { ...await verifyChecksum(this.#path, checksum, this.#platform), checksum };
    }
    return this.#verified;
  }
}

interface AgentParts {
  readonly request: RunRequest;
  readonly deps: RunDependencies;
  readonly current: CurrentLicense;
  readonly findings: TamperFindings;
  readonly supervisor: Supervisor;
  readonly software: VerifiedSoftware;
  readonly ipc: IpcServer;
}

/** A run that serves its socket, as its host and those who ask see it. */
export class Agent {
  readonly #parts: AgentParts;
  #licensePath: string;

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#licensePath = parts.request.licensePath;
  }

  get ipc(): IpcServer {
    return this.#parts.ipc;
  }

  get supervisor(): Supervisor {
    return this.#parts.supervisor;
  }

  /** What `status` answers, apart from what the host adds. */
  status(): Record<string, unknown> {
    const { deps, current, findings, supervisor, ipc } = this.#parts;
    const { running } = supervisor;
    const isStopping = deps.stopRequest.stop.aborted;
    return {
      state: isStopping ? "stopping" : running ? "running" : "starting",
      sentinel_pid: deps.pid,
      ...(running && { pid: running.leader.pid }),
      ...(running && { uptime_seconds: this.uptimeSeconds }),
      restarts: supervisor.restarts,
      ...(supervisor.isHeld && { stopped_by_operator: true }),
      findings: findings.count,
      ...current.status,
      health: describeHealth(supervisor),
      counters: ipc.counters(),
    };
  }

  /** What `stats` answers, apart from what the host adds. */
  stats(): Record<string, unknown> {
    const { supervisor, ipc } = this.#parts;
    return {
      uptime_seconds: this.uptimeSeconds ?? 0,
      restarts: supervisor.restarts,
      ...ipc.counters(),
    };
  }

  /**
   * Reads the license file again. A license that is not as it was takes the place of the one before, once it is proved.
   *
   * @param path Another file than the one read last.
   * @returns Whether anything changed.
   * @throws {SentinelError} Why the license before stays.
   */
  async reloadLicense(path = this.#licensePath): Promise<boolean> {
    const { request, deps, current, software, ipc } = this.#parts;
    const { log, stopRequest } = deps;
    const license = await loadLicenseOf({ ...request, licensePath: path }, deps);
    if (isSame(license, current.license)) {
      this.#licensePath = path;
      return false;
    }
    if (license.license_type !== current.license.license_type) {
      throw new ConfigError(
        "config.license_type",
        `the license type cannot change while the software runs: restart to use ${path}`,
      );
    }
    await software.verify(license.software_checksum);
    await current.replace(license, stopRequest.stop);
    this.#licensePath = path;
    ipc.setLicense(licenseInfo(license));
    log.info(`license changed: ${license.license_key}, valid to ${license.expiry_date}`);
    return true;
  }

  /** Whole seconds since the software was launched; `undefined` where it does not run. */
  get uptimeSeconds(): number | undefined {
    const { supervisor: { running }, deps: { clock } } = this.#parts;
    return running && Math.floor((clock.monotonicMs() - running.atMs) / 1000);
  }
}

function isSame(a: License, b: License): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function describeHealth({ health }: Supervisor): Record<string, unknown> {
  const { status, consecutiveFailures, lastError, checks } = health;
  return {
    status,
    checks,
    consecutive_failures: consecutiveFailures,
    ...(lastError !== undefined && { last_error: lastError }),
  };
}
