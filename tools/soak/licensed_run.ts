import { EXIT } from "../../src/cli/exit_codes.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { programCommand } from "../../tests/support/program.ts";
import { forgetReplicas } from "../../tests/support/user_keyring.ts";
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
  readonly stateDir: string;
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
  /** How often it gave its place back, and so began with its whole grace again. */
  renewals = 0;
  readonly program: KeptProgram;
  readonly network: CuttableNetwork;
  readonly #options: LicensedRunOptions;
  /** Variables of the container that it is in. */
  #box: Readonly<Record<string, string>> = {};

  constructor(options: LicensedRunOptions) {
    const { vendor, hour, program: { name, args, isReady } } = options;
    this.#options = options;
    this.network = new CuttableNetwork(vendor.port);
    const command = () => this.#command(args(this.#url));
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

  /** Continues in another container: of the old one only the state folder is left. */
  async recreate(box: Readonly<Record<string, string>>): Promise<void> {
    const { stateDir, softwareLog } = this.#options;
    await this.program.stopFor(async () => {
      await killAllWith("SOFTWARE_LOG", softwareLog);
      await forgetReplicas(stateDir);
      this.#box = box;
    });
  }

  /** Gives its place back, and goes on with another one; the exit status of `sentinel deactivate`, and what it said. */
  async deactivate(): Promise<{ readonly code: number; readonly stderr: string }> {
    const { terms: { licenseKey }, vendor, stateDir } = this.#options;
    return await this.program.stopFor(async (signal) => {
      const child = this.#command([
        ...["deactivate", "--license", vendor.pathOf(licenseKey), "--state-dir", stateDir],
        ...["--org-key", vendor.publicKeyPath, "--server-url", this.#url],
      ]).spawn();
      // no told time passes any more, by which it would give up
      const end = () => child.kill("SIGKILL");
      signal.addEventListener("abort", end);
      const { code, stderr } = await child.output();
      signal.removeEventListener("abort", end);
      if (code === EXIT.ok) this.renewals++;
      return { code, stderr: new TextDecoder().decode(stderr) };
    });
  }

  /** A fault of now may hide so many hours from the meter. */
  allow(hours: number): void {
    this.allowances.push({ hour: this.#options.hour(), hours });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program.stop();
    await this.network[Symbol.asyncDispose]();
  }

  get #url(): string {
    return `http://127.0.0.1:${this.network.port}`;
  }

  #command(args: string[]): Deno.Command {
    const { env, softwareLog } = this.#options;
    const more = { TOLD_SHIFT_MS: this.#shiftPath, SOFTWARE_LOG: softwareLog };
    return programCommand(args, {
      fixture: "sentinel_in_told_time.ts",
      env: { ...env, ...this.#box, ...more },
    });
  }

  get #shiftPath(): string {
    return `${this.#options.softwareLog}.shift`;
  }
}

/** Ends what a container's end would have ended. */
async function killAllWith(variable: string, value: string): Promise<void> {
  const control = await selectPlatform().processControl();
  for (const { pid, state } of control.list()) {
    if (state === "ended" || control.variable(pid, variable) !== value) continue;
    try {
      Deno.kill(pid, "SIGKILL");
    } catch (error) {
      // it was quicker
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
