import type { IpcServer } from "../ipc/ipc_server.ts";
import type { License } from "../license/payload.ts";
import { ConfigError } from "./config_error.ts";
import { licenseInfo } from "./license_info.ts";
import type { CurrentLicense } from "./licensing.ts";
import type { Findings } from "./findings.ts";
import { loadLicenseOf } from "./own_license.ts";
import type { RunDependencies, RunRequest } from "./run.ts";
import type { Supervisor } from "./supervisor.ts";
import type { VerifiedSoftware } from "./verified_software.ts";

export interface AgentParts {
  readonly request: RunRequest;
  readonly deps: RunDependencies;
  readonly current: CurrentLicense;
  readonly findings: Findings;
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
   * Reads the licence file again. A licence that is not as it was takes the place of the one before, once it is proved.
   *
   * @param path Another file than the one read last.
   * @returns Whether anything changed.
   * @throws {SentinelError} Why the licence before stays.
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
