import type { SentinelError } from "../core/errors.ts";
import type { LicenseEnvelope } from "../license/license_file.ts";
import type { License } from "../license/payload.ts";
import type { Confirmation } from "./lease.ts";
import type { TamperFindings } from "./tamper_findings.ts";
import type { LicenseEnding } from "./term.ts";
import type { Watch } from "./watches.ts";

/** A license that has been proven valid, and the watches that keep it so while the software runs. */
export interface ProvenLicense {
  readonly license: License;
  readonly watches: readonly Watch[];
  /** The license's fields in the answer to `status`. */
  readonly status: () => Readonly<Record<string, unknown>>;
  /** Trusted time, milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
  /** Days to the last day on which it is valid. */
  readonly daysLeft: () => number;
  /** Calls `listener` when its end is announced. */
  readonly onEnding: (listener: (ending: LicenseEnding) => void) => void;
  /** Calls `listener` with the remaining seconds after each charge; absent for licenses without grace. */
  readonly onGraceCharged?: (listener: (remainingSeconds: number) => void) => void;
  /** This machine's id: the license server's for it, or a digest of the fingerprint that the license is bound to. */
  readonly machineId: string;
  /** Asks the license server for an answer to a nonce of the software's; absent for licenses without a server. */
  readonly confirm?: (nonce: string, signal: AbortSignal) => Promise<Confirmation>;
  /** Charges what is outstanding; to be called after its watches have ended. */
  readonly end: () => Promise<void>;
}

/** Proves licenses of one type on this machine, one after the other. */
export interface Licensing<L extends License = License> extends Disposable {
  /** Part of the socket's name. */
  readonly machineId: string;
  readonly findings: TamperFindings;
  /**
   * Proves a license valid on this machine; the previous one must have ended.
   *
   * @throws {SentinelError} Why the software must not run under it.
   */
  prove(license: L, signal: AbortSignal): Promise<ProvenLicense>;
  /** Keeps a proven license for a start before the next one's first day; absent without a state. */
  keep?(envelope: LicenseEnvelope): Promise<void>;
}

/** The license that the software runs under; a reload may replace it. */
export class CurrentLicense implements AsyncDisposable {
  readonly #licensing: Licensing;
  readonly #fault = Promise.withResolvers<SentinelError>();
  #proven: ProvenLicense;
  #over = new AbortController();
  #watching: Promise<unknown> = Promise.resolve();
  /** Resolves when the last requested replacement has ended. */
  #replaced: Promise<unknown> = Promise.resolve();
  #onGraceCharged: (remainingSeconds: number) => void = () => {};
  #onEnding: (ending: LicenseEnding) => void = () => {};
  #takeSuccessor: (() => Promise<unknown>) | undefined;
  #succession: Promise<unknown> | undefined;

  constructor(first: ProvenLicense, licensing: Licensing) {
    this.#proven = first;
    this.#licensing = licensing;
  }

  get license(): License {
    return this.#proven.license;
  }

  /** The license's fields in the answer to `status`. */
  get status(): Readonly<Record<string, unknown>> {
    const { license_key, org_id, expiry_date } = this.license;
    const license = { license_key, org_id, expiry_date, days_left: this.daysLeft };
    return { ...this.#proven.status(), license };
  }

  /** Trusted time, milliseconds since the Unix epoch. */
  nowMs(): number {
    return this.#proven.nowMs();
  }

  /** Days to the last day on which the license is valid. */
  get daysLeft(): number {
    return this.#proven.daysLeft();
  }

  get machineId(): string {
    return this.#proven.machineId;
  }

  /** Asks the license server for an answer to a nonce of the software's; `undefined` if the license has none. */
  get confirm(): ProvenLicense["confirm"] {
    return this.#proven.confirm;
  }

  /** Resolves with the error that forbids the software to continue. */
  get fault(): Promise<SentinelError> {
    return this.#fault.promise;
  }

  /** Calls `listener` with the remaining seconds after each charge. */
  onGraceCharged(listener: (remainingSeconds: number) => void): void {
    this.#onGraceCharged = listener;
    this.#proven.onGraceCharged?.(listener);
  }

  /** Calls `listener` when the end of a license is announced. */
  onEnding(listener: (ending: LicenseEnding) => void): void {
    this.#onEnding = listener;
    this.#proven.onEnding(listener);
  }

  /**
   * Names a license that begins later: `take` replaces the current one, and is called if that expires. It rejects if the next
   * one cannot be taken.
   */
  setSuccessor(take: (() => Promise<unknown>) | undefined): void {
    this.#takeSuccessor = take;
  }

  /** Keeps the current license for later starts. */
  async keep(envelope: LicenseEnvelope): Promise<void> {
    await this.#licensing.keep?.(envelope);
  }

  /** Starts the license's watches. */
  watch(): void {
    const over = this.#over = new AbortController();
    this.#watching = Promise.all(this.#proven.watches.map(async (watch) => {
      const error = await watch(over.signal);
      if (error !== undefined) this.#onFault(error);
    })).catch(this.#fault.reject);
  }

  /**
   * Replaces the current license. If the new one cannot be proven, the current one is proven again.
   *
   * @throws {SentinelError} Why the new license was rejected. If the current one fails as well, {@linkcode fault} resolves.
   */
  async replace(license: License, signal: AbortSignal): Promise<void> {
    const replaced = this.#replaced.then(() => this.#replace(license, signal));
    this.#replaced = replaced.catch(() => {});
    await replaced;
  }

  /** Ends the watches and the license; may be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replaced;
    await this.#endCurrent();
  }

  /** Not awaited by the watch: a successor waits for the end of all watches, of which several may find the same fault. */
  #onFault(error: SentinelError): void {
    const take = this.#takeSuccessor;
    if (take === undefined || error.code !== "license.expired") return this.#fault.resolve(error);
    this.#succession ??= take().catch(() => this.#fault.resolve(error))
      .finally(() => this.#succession = undefined);
  }

  async #replace(license: License, signal: AbortSignal): Promise<void> {
    const before = this.#proven.license;
    await this.#endCurrent();
    try {
      await this.#begin(license, signal);
    } catch (error) {
      await this.#begin(before, signal).catch(this.#fault.resolve);
      throw error;
    }
  }

  async #begin(license: License, signal: AbortSignal): Promise<void> {
    this.#proven = await this.#licensing.prove(license, signal);
    this.#proven.onGraceCharged?.(this.#onGraceCharged);
    this.#proven.onEnding(this.#onEnding);
    this.watch();
  }

  async #endCurrent(): Promise<void> {
    this.#over.abort();
    await this.#watching;
    await this.#proven.end();
  }
}
