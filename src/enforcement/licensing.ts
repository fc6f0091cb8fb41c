import type { SentinelError } from "../core/errors.ts";
import type { License } from "../license/payload.ts";
import type { Findings } from "./tamper_findings.ts";
import type { Watch } from "./watches.ts";

/** A license that has been proved, and what keeps it so while the software runs. */
export interface ProvedLicense {
  readonly license: License;
  readonly watches: readonly Watch[];
  /** What `status` adds about the license. */
  readonly status: () => Record<string, string | number | boolean>;
  /** Calls back with the seconds that are left whenever grace was charged, where there is grace. */
  readonly onGraceCharged?: (tell: (remainingSeconds: number) => void) => void;
  /** Settles its accounts, once its watches have ended. */
  readonly end: () => Promise<void>;
}

/** Proves licenses of one type on this machine, one after the other. */
export interface Licensing<L extends License = License> extends Disposable {
  /** Names the socket. */
  readonly machineId: string;
  /** What was found of tampering so far. */
  readonly findings: Findings;
  /**
   * Proves a license; the one before must have ended.
   *
   * @throws {SentinelError} Why the software must not run under it.
   */
  prove(license: L, signal: AbortSignal): Promise<ProvedLicense>;
}

/** The license that the software runs under, which another one may take the place of. */
export class CurrentLicense implements AsyncDisposable {
  readonly #licensing: Licensing;
  readonly #fault = Promise.withResolvers<SentinelError>();
  #proved: ProvedLicense;
  #over = new AbortController();
  #watching: Promise<unknown> = Promise.resolve();
  /** Ends with the replacement that was asked for last. */
  #replaced: Promise<unknown> = Promise.resolve();
  #tellGrace: (remainingSeconds: number) => void = () => {};

  constructor(first: ProvedLicense, licensing: Licensing) {
    this.#proved = first;
    this.#licensing = licensing;
  }

  get license(): License {
    return this.#proved.license;
  }

  get status(): Record<string, string | number | boolean> {
    return this.#proved.status();
  }

  /** Resolves with what forbids the software to go on. */
  get fault(): Promise<SentinelError> {
    return this.#fault.promise;
  }

  /** Calls back with the seconds that are left whenever grace was charged. */
  onGraceCharged(tell: (remainingSeconds: number) => void): void {
    this.#tellGrace = tell;
    this.#proved.onGraceCharged?.(tell);
  }

  /** Starts keeping the license. */
  watch(): void {
    const over = this.#over = new AbortController();
    this.#watching = Promise.all(this.#proved.watches.map(async (watch) => {
      const error = await watch(over.signal);
      if (error !== undefined) this.#fault.resolve(error);
    })).catch(this.#fault.reject);
  }

  /**
   * Puts another license in the place of the one that is watched. Where that cannot be proved the one before is, again.
   *
   * @throws {SentinelError} Why the other one was not taken; where neither can be proved that is a fault, too.
   */
  async replace(license: License, signal: AbortSignal): Promise<void> {
    const replaced = this.#replaced.then(() => this.#replace(license, signal));
    this.#replaced = replaced.catch(() => {});
    await replaced;
  }

  /** Ends the watches and settles the accounts; may be called twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#replaced;
    await this.#endCurrent();
  }

  async #replace(license: License, signal: AbortSignal): Promise<void> {
    const before = this.#proved.license;
    await this.#endCurrent();
    try {
      await this.#begin(license, signal);
    } catch (error) {
      await this.#begin(before, signal).catch(this.#fault.resolve);
      throw error;
    }
  }

  async #begin(license: License, signal: AbortSignal): Promise<void> {
    this.#proved = await this.#licensing.prove(license, signal);
    this.#proved.onGraceCharged?.(this.#tellGrace);
    this.watch();
  }

  async #endCurrent(): Promise<void> {
    this.#over.abort();
    await this.#watching;
    await this.#proved.end();
  }
}
