import { programCommand } from "../../tests/support/program.ts";
import { CuttableNetwork } from "./cuttable_network.ts";
import { KeptProgram } from "./kept_program.ts";
import type { Terms, Vendor } from "./vendor.ts";

/** Hours of grace that a fault may hide from the meter, and when it was. */
export interface Allowance {
  readonly hour: number;
  readonly hours: number;
}

export interface LicensedRunOptions {
  readonly terms: Terms;
  readonly vendor: Vendor;
  /** Where the software writes. */
  readonly softwareLog: string;
  readonly env: Readonly<Record<string, string>>;
  readonly hour: () => number;
  /** The arguments before those about the license, and what is written once the software runs. */
  readonly program: {
    readonly name: string;
    readonly args: (url: string) => string[];
    readonly isReady: RegExp;
  };
}

/** A program that runs software under a license, with a network and a wall clock of its own. */
export class LicensedRun implements AsyncDisposable {
  readonly allowances: Allowance[] = [];
  /** Told hours in which it cannot save what it is told. */
  readonly forgetfulHours = new Set<number>();
  readonly program: KeptProgram;
  readonly network: CuttableNetwork;
  readonly #options: LicensedRunOptions;

  constructor(options: LicensedRunOptions) {
    const { vendor, env, hour, program: { name, args, isReady } } = options;
    this.#options = options;
    this.network = new CuttableNetwork(vendor.port);
    const url = `http://127.0.0.1:${this.network.port}`;
    const tamperChecks = {
      fixture: "sentinel_in_told_time.ts",
      env: { ...env, TOLD_SHIFT_MS: this.#shiftPath, SOFTWARE_LOG: options.softwareLog },
    };
    const command = () => programCommand(args(url), tamperChecks);
    this.program = new KeptProgram({ name, command, isReady, hour });
  }

  get name(): string {
    return this.program.name;
  }

  get terms(): Terms {
    return this.#options.terms;
  }

  /** What the software wrote. */
  async softwareLog(): Promise<string> {
    return await Deno.readTextFile(this.#options.softwareLog).catch(() => "");
  }

  /** Sets its wall clock off by so much. */
  async setClockOff(ms: number): Promise<void> {
    await Deno.writeTextFile(`${this.#shiftPath}.new`, String(ms));
    await Deno.rename(`${this.#shiftPath}.new`, this.#shiftPath);
  }

  /** A fault of now may hide so many hours from the meter. */
  allow(hours: number): void {
    this.allowances.push({ hour: this.#options.hour(), hours });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
    await this.network[Symbol.asyncDispose]();
  }

  get #shiftPath(): string {
    return `${this.#options.softwareLog}.shift`;
  }
}
