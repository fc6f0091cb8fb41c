import { assertEquals } from "@std/assert";
import { fileMatch } from "./file_match.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { RunHarness } from "./run_harness.ts";
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "./program.ts";

/** Script that starts a process, prints both pids, appends them to a file beside it, and keeps running. */
export const STAY = `const child = new Deno.Command(Deno.execPath(), {
  args: ["eval", "setTimeout(() => {}, 1e6)"], stdin: "null", stdout: "null", stderr: "null",
}).spawn();
console.log("pids", Deno.pid, child.pid);
Deno.writeTextFileSync(import.meta.filename + ".pids", Deno.pid + " " + child.pid + "\\n", { append: true });
setTimeout(() => {}, 1e6);`;

/** A {@linkcode RunHarness} whose child is a script for Deno, because Windows has no `sh`. */
export class WindowsHarness implements AsyncDisposable {
  private constructor(readonly base: RunHarness) {}

  static async open(script: string): Promise<WindowsHarness> {
    await using stack = new AsyncDisposableStack();
    const harness = new WindowsHarness(stack.use(await RunHarness.open()));
    await Deno.writeTextFile(harness.at("software.js"), script);
    await harness.configure();
    stack.move();
    return harness;
  }

  at(name: string): string {
    return this.base.folder.at(name);
  }

  get programOptions(): ProgramOptions {
    const folder = this.base.folder.path.replaceAll("/", "\\");
    return { env: { LOCALAPPDATA: folder, SENTINEL_ORG_KEY: this.at("org_public_key.pem") } };
  }

  get #scriptArguments(): string[] {
    return ["run", "--quiet", "-A", "--no-config", this.at("software.js")];
  }

  /** The arguments of `sentinel run`. */
  get runArguments(): string[] {
    const args = [...this.#scriptArguments, 'a b"c'];
    return this.base.runArguments(Deno.execPath(), { args });
  }

  start(): RunningProgram {
    return startProgram(this.runArguments, this.programOptions);
  }

  /** Writes `sentinel.toml` with more tables. */
  async configure(tables = ""): Promise<void> {
    await this.base.configure(Deno.execPath(), {
      softwareKeys: `args = ${JSON.stringify(this.#scriptArguments)}`,
      tables: `[logging]\nfile = "d.log"\n${tables}`,
    });
  }

  /** Runs `sentinel daemon …` to its end. */
  async daemon(command: string, ...args: string[]): Promise<ProgramResult> {
    const line = ["daemon", command, "--config", this.at("sentinel.toml"), ...args];
    return await runProgram(line, this.programOptions);
  }

  /** The daemon's answer to a command with `--json`. */
  async facts(command: string): Promise<Record<string, unknown>> {
    const { stdout, stderr } = await this.daemon(command, "--json");
    assertEquals(stderr, "");
    return JSON.parse(stdout);
  }

  /** Waits for this many starts; returns the pids of the last one. */
  async pids(starts = 1): Promise<string[]> {
    const written = await fileMatch(this.base.folder.path, {
      name: "software.js.pids",
      pattern: new RegExp(`^(?:.*\\n){${starts},}`),
    });
    return written[0].trimEnd().split("\n").at(-1)!.split(" ");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon("stop");
    await this.base[Symbol.asyncDispose]();
  }
}

/** Whether a process exists. */
export async function isThere(pid: string | number | undefined): Promise<boolean> {
  return await selectPlatform().identifyProcess(Number(pid)) !== undefined;
}
