import {
  isReadOnce,
  LICENSE_TEXT_VARIABLE,
  type LicenseSource,
} from "../license/license_source.ts";
import type { LicenseInfo } from "../ipc/license_answers.ts";
import {
  checkSoftware,
  type LicenseEnvelope,
  loadLicense,
  type SignedLicense,
} from "../license/license_file.ts";
import { checkDates, hasBegun, type License } from "../license/payload.ts";
import type { Platform } from "../platform/contract.ts";
import { checkExecutable, type VerifiedFile, verifyChecksum } from "../process/executable.ts";
import type { IpcServer } from "../ipc/server.ts";
import { ConfigError, describeError } from "../core/errors.ts";
import type { CurrentLicense } from "../enforcement/licensing.ts";
import type { TamperFindings } from "../enforcement/tamper_findings.ts";
import type { RunDependencies, RunRequest } from "./run_request.ts";
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

const HOUR_MS = 3_600_000;

/** A license that begins later, as the answer to `status` has it. */
export interface NextLicense {
  readonly license_key: string;
  /** `YYYY-MM-DD`. */
  readonly issue_date: string;
}

interface AgentParts {
  readonly request: RunRequest;
  readonly deps: RunDependencies;
  readonly current: CurrentLicense;
  readonly findings: TamperFindings;
  readonly supervisor: Supervisor;
  readonly software: VerifiedExecutable;
  readonly ipc: IpcServer;
  /** The file of the current license. */
  readonly envelope: LicenseEnvelope;
}

/** A run with an open socket, as its host and its clients see it. */
export class Agent {
  readonly #parts: AgentParts;
  #source: LicenseSource;
  #envelope: LicenseEnvelope;
  #next: SignedLicense | undefined;
  #waiting = new AbortController();
  /** Resolves when the last requested reload has ended; they run one at a time. */
  #reloaded: Promise<unknown> = Promise.resolve();

  constructor(parts: AgentParts) {
    this.#parts = parts;
    this.#source = parts.request.license;
    this.#envelope = parts.envelope;
  }

  get ipc(): IpcServer {
    return this.#parts.ipc;
  }

  /** Days to the last day on which the license is valid, and that day. */
  get term(): { readonly expiry_date: string; readonly days_left: number } {
    const { current } = this.#parts;
    return { expiry_date: current.license.expiry_date, days_left: current.daysLeft };
  }

  /** The license that is taken up when its first day comes; see {@linkcode reloadLicense}. */
  get nextLicense(): NextLicense | undefined {
    if (this.#next === undefined) return undefined;
    const { license_key, issue_date } = this.#next.license;
    return { license_key, issue_date };
  }

  /** Runs on until the first day of a license, and then takes it up. */
  awaitLicense(next: SignedLicense): void {
    this.#setNext(next);
  }

  /** The current license as the organization signed it. */
  get envelope(): LicenseEnvelope {
    return this.#envelope;
  }

  /** Stops waiting for the next license. */
  end(): void {
    this.#setNext(undefined);
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
      ...(this.nextLicense && { next_license: this.nextLicense }),
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
   * Reads the license file again. A changed license is proven and replaces the current one; one that begins later does so on
   * its first day.
   *
   * Neither a pipe nor a variable can be read again; a license from one is taken up on its first day.
   *
   * @param path The license file (default: the one read last).
   * @returns Whether the license changed.
   * @throws {SentinelError} Why the current license stays.
   */
  async reloadLicense(path?: string): Promise<boolean> {
    const reloaded = this.#reloaded.then(() => this.#reloadFile(path));
    this.#reloaded = reloaded.catch(() => {});
    return await reloaded;
  }

  async #reloadFile(given: string | undefined): Promise<boolean> {
    const { log } = this.#parts.deps;
    if ("text" in this.#source) {
      if (await this.#takeBegun()) return true;
      log.info(`the license stays: ${LICENSE_TEXT_VARIABLE} is read at the start only`);
      return false;
    }
    const path = given ?? this.#source.path;
    if (!await isReadOnce(path)) return await this.#reload(path);
    if (path !== this.#source.path) {
      throw new ConfigError(
        "config.license_pipe",
        `a license is read from a pipe at the start only: restart to use ${path}`,
      );
    }
    if (await this.#takeBegun()) return true;
    log.info(`the license stays: a pipe is read at the start only (${path})`);
    return false;
  }

  async #reload(path: string): Promise<boolean> {
    const { current } = this.#parts;
    const file = await this.#load(path);
    const { license } = file;
    if (isSameLicense(license, current.license)) {
      this.#source = { path };
      this.#setNext(undefined);
      return false;
    }
    if (license.license_type !== current.license.license_type) {
      throw new ConfigError(
        "config.license_type",
        `the license type cannot change while the software runs: restart to use ${path}`,
      );
    }
    if (!hasBegun(license, current.nowMs())) {
      this.#source = { path };
      this.#setNext(file);
      return false;
    }
    await this.#take(file);
    this.#source = { path };
    return true;
  }

  /** Takes the next license if its first day has come, without reading it again. */
  async #takeBegun(): Promise<boolean> {
    const next = this.#next;
    if (next === undefined || !hasBegun(next.license, this.#parts.current.nowMs())) return false;
    await this.#take(next);
    return true;
  }

  async #take({ license, envelope }: SignedLicense): Promise<void> {
    const { deps: { log, stopRequest }, current, software, ipc } = this.#parts;
    await software.verify(license.software_checksum);
    await current.replace(license, stopRequest.stop);
    await current.keep(envelope);
    this.#envelope = envelope;
    this.#setNext(undefined);
    ipc.setLicense(describeLicense(license));
    log.info(`license changed: ${license.license_key}, valid to ${license.expiry_date}`);
  }

  /** Loads a license for the same product that is valid now, or later. */
  async #load(path: string): Promise<SignedLicense> {
    const { deps, current } = this.#parts;
    const file = await loadLicense({ path }, deps);
    // the state belongs to one product
    checkSoftware(file.license, current.license.software_id);
    checkDates(file.license, Math.max(current.nowMs(), Date.parse(file.license.issue_date)));
    return file;
  }

  /** Waits for the license's first day, and takes it sooner if the current one expires. */
  #setNext(next: SignedLicense | undefined): void {
    this.#waiting.abort();
    this.#waiting = new AbortController();
    const { current, deps: { log } } = this.#parts;
    this.#next = next;
    const license = next?.license;
    current.setSuccessor(license && (() => this.#takeNow(license)));
    if (license === undefined) return;
    log.info(
      `license ${license.license_key} begins on ${license.issue_date}: it is taken up then`,
    );
    void this.#takeOnFirstDay(license.issue_date, this.#waiting.signal);
  }

  async #takeOnFirstDay(date: string, signal: AbortSignal): Promise<void> {
    const { current, deps: { clock, log } } = this.#parts;
    while (!signal.aborted) {
      const leftMs = Date.parse(date) - current.nowMs();
      if (leftMs <= 0) {
        try {
          await this.reloadLicense();
        } catch (error) {
          log.error(`cannot reload the license: ${describeError(error)}`);
        }
      }
      await clock.sleep(leftMs <= 0 ? HOUR_MS : Math.min(leftMs, HOUR_MS), signal);
    }
  }

  async #takeNow(license: License): Promise<void> {
    if (await this.reloadLicense()) return;
    // it was taken meanwhile
    if (isSameLicense(license, this.#parts.current.license)) return;
    throw new ConfigError(
      "config.next_license",
      `license ${license.license_key} begins on ${license.issue_date}`,
    );
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
