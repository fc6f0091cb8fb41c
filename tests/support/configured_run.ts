import { RunHarness } from "./run_harness.ts";
import { type ProgramResult, type RunningProgram, runProgram, startProgram } from "./program.ts";

/** `sentinel run` with a configuration file; only the organization's key is an option. */
export class ConfiguredRun implements AsyncDisposable {
  private constructor(readonly base: RunHarness) {}

  static async open(...terms: string[]): Promise<ConfiguredRun> {
    return new ConfiguredRun(await RunHarness.open(...terms));
  }

  at(name: string): string {
    return this.base.folder.at(name);
  }

  configure(...settings: Parameters<RunHarness["configure"]>): Promise<void> {
    return this.base.configure(...settings);
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
