import { RunHarness } from "./run_harness.ts";
import { type ProgramResult, type RunningProgram, runProgram, startProgram } from "./program.ts";

/** A customer whose `sentinel run` is told everything by a configuration file, save the vendor's key. */
export class ConfiguredRun implements AsyncDisposable {
  private constructor(readonly base: RunHarness) {}

  static async open(...terms: string[]): Promise<ConfiguredRun> {
    return new ConfiguredRun(await RunHarness.open(...terms));
  }

  at(name: string): string {
    return this.base.folder.at(name);
  }

  /** Writes `sentinel.toml`: license, software and state, and what is given. */
  async configure(software: string, { softwareKeys = "", tables = "" } = {}): Promise<void> {
    await Deno.writeTextFile(
      this.at("sentinel.toml"),
      `[license]\npath = "K1.lic"\nstate_dir = "state"\n` +
        `[software]\npath = "${software}"\n${softwareKeys}\n${tables}\n`,
    );
  }

  async run(
    args: readonly string[] = [],
    env: Record<string, string> = {},
  ): Promise<ProgramResult> {
    return await runProgram(this.#arguments(args), this.base.programOptions(env));
  }

  start(args: readonly string[] = [], env: Record<string, string> = {}): RunningProgram {
    return startProgram(this.#arguments(args), this.base.programOptions(env));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.base[Symbol.asyncDispose]();
  }

  #arguments(args: readonly string[]): string[] {
    return [
      ...["run", "--config", this.at("sentinel.toml"), "--org-key", this.at("org_public_key.pem")],
      ...args,
    ];
  }
}
