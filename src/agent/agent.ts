import type { LicenseInfo } from "../ipc/license_answers.ts";
import type { License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { checkExecutable, type VerifiedFile, verifyChecksum } from "../process/executable.ts";
import type { IpcServer } from "../ipc/server.ts";
import { ConfigError } from "../core/errors.ts";
import type { CurrentLicense } from "../enforcement/licensing.ts";
import type { TamperFindings } from "../enforcement/tamper_findings.ts";
import { loadRequestedLicense, type RunDependencies, type RunRequest } from "./run_request.ts";
import type { Supervisor } from "../supervision/supervisor.ts";

/** Selects the fields of a license that its software may read over the socket. */
export function describeLicense(license: License): LicenseInfo {
  const { license_key, license_type, expiry_date, features, org_id, software_id } = license;
  return { license_key, license_type, expiry_date, features, org_id, software_id };
}

/** The software's executable file; its checksum is verified once for each version of the file. */
export class VerifiedExecutable {
  readonly #path: string;
  readonly #platform: Pick<Platform, "readFileVersion">;
  #verified: (VerifiedFile & { readonly checksum: string }) | undefined;

  constructor(path: string, platform: Pick<Platform, "readFileVersion">) {
    this.#path = path;
    this.#platform = platform;
  }

  /**
   * Checks that the file can be launched under a license with this checksum.
   *
   * @throws {LaunchError}
   * @throws {ChecksumError}
   */
  async check(checksum: string | undefined): Promise<void> {
    await checkExecutable(this.#path);
    await this.verify(checksum);
  }

  /**
   * Verifies the file against the license's checksum; without one, any file is accepted.
   *
   * @returns The verified version of the file, which the launch compares with the file it opens.
   * @throws {ChecksumError}
   */
  async verify(checksum: string | undefined): Promise<VerifiedFile | undefined> {
    if (checksum === undefined) return undefined;
    const known = this.#verified;
    const isKnown = known?.checksum === checksum &&
      this.#platform.readFileVersion(this.#path) === known.version;
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
  readonly software: VerifiedExecutable;
  readonly ipc: IpcServer;
}

/** A run with an open socket, as its host and its clients see it. */
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

  /** The answer to `status`, without the host's fields. */
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
      ...(supervisor.isPaused && { stopped_by_operator: true }),
      findings: findings.count,
      ...current.status,
      health: describeHealth(supervisor),
      counters: ipc.counters(),
    };
  }

  /** The answer to `stats`, without the host's fields. */
  stats(): Record<string, unknown> {
    const { supervisor, ipc } = this.#parts;
    return {
      uptime_seconds: this.uptimeSeconds ?? 0,
      restarts: supervisor.restarts,
      ...ipc.counters(),
    };
  }

  /**
   * Reads the license file again. A changed license is proven and replaces the current one.
   *
   * @param path The license file (default: the one read last).
   * @returns Whether the license changed.
   * @throws {SentinelError} Why the current license stays.
   */
  async reloadLicense(path = this.#licensePath): Promise<boolean> {
    const { request, deps, current, software, ipc } = this.#parts;
    const { log, stopRequest } = deps;
    const license = await loadRequestedLicense({ ...request, licensePath: path }, deps);
    if (isSameLicense(license, current.license)) {
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
    ipc.setLicense(describeLicense(license));
    log.info(`license changed: ${license.license_key}, valid to ${license.expiry_date}`);
    return true;
  }

  /** Whole seconds since the software was launched; `undefined` if it is not running. */
  get uptimeSeconds(): number | undefined {
    const { supervisor: { running }, deps: { clock } } = this.#parts;
    return running && Math.floor((clock.monotonicMs() - running.atMs) / 1000);
  }
}

function isSameLicense(a: License, b: License): boolean {
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
