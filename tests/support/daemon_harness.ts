import { assertEquals } from "@std/assert";
import { RunHarness } from "./run_harness.ts";
import type { ProgramForAll } from "./program_for_all.ts";
import { ifExistsSync } from "../../src/core/files.ts";
import { fileMatch } from "./file_match.ts";
import { isRunning } from "./process_state.ts";
import {
  type ProgramOptions,
  type ProgramResult,
  type RunningProgram,
  runProgram,
  startProgram,
} from "./program.ts";

/** Script that appends its pid and socket to a file beside it, and keeps running. */
export const STAY = `echo $$ $SENTINEL_IPC_SOCKET >> "$0.starts"; exec sleep 1000 >/dev/null 2>&1`;

export interface DaemonHarnessOptions {
  /** Terms of the license, as `sentinel vendor issue` takes them. */
  readonly terms?: readonly string[];
  /** The child's shell script. */
  readonly script?: string;
  /** More of `sentinel.toml`. */
  readonly tables?: string;
  /** More keys of its table `[software]`. */
  readonly softwareKeys?: string;
  /** A copy of the program that every user can run. */
  readonly program?: ProgramForAll;
}

/** A {@linkcode RunHarness} with a configured daemon, which disposal stops. */
export class DaemonHarness implements AsyncDisposable {
  private constructor(readonly base: RunHarness, readonly program: ProgramForAll | undefined) {}

  static async open(options: DaemonHarnessOptions = {}): Promise<DaemonHarness> {
    await using stack = new AsyncDisposableStack();
    const base = stack.use(await RunHarness.open(...options.terms ?? []));
    const harness = new DaemonHarness(base, options.program);
    for (const name of ["runtime", "witness"]) Deno.mkdirSync(harness.at(name), { mode: 0o700 });
    await base.script("software", options.script ?? STAY);
    await harness.configure(options);
    stack.move();
    return harness;
  }

  /** Gives the folder to another user, except the vendor's files. */
  async giveTo(user: number): Promise<void> {
    const folder = this.base.folder.path;
    for (const { name } of [...Deno.readDirSync(folder), { name: "." }]) {
      if (!/^vendor|private/.test(name)) await Deno.chown(this.at(name), user, user);
    }
  }

  at(name: string): string {
    return this.base.folder.at(name);
  }

  async configure({ tables = "", softwareKeys = "" }: DaemonHarnessOptions): Promise<void> {
    const logging = `[logging]\nfile = "d.log"\n`;
    await this.base.configure("software", { softwareKeys, tables: logging + tables });
  }

  /** Runs `sentinel daemon …` to its end. */
  async daemon(...args: string[]): Promise<ProgramResult> {
    return await runProgram(this.arguments(args), this.programOptions);
  }

  /** Starts a daemon in the foreground. */
  start(options: ProgramOptions = {}): RunningProgram {
    return startProgram(this.arguments(["start", "--foreground"]), {
      ...this.programOptions,
      ...options,
    });
  }

  arguments([command, ...args]: readonly string[]): string[] {
    return ["daemon", command!, "--config", this.at("sentinel.toml"), ...args];
  }

  get programOptions(): ProgramOptions {
    const key = { SENTINEL_ORG_KEY: this.at("org_public_key.pem") };
    if (this.program === undefined) return this.base.programOptions(key);
    const options = this.base.programOptions({ ...key, DENO_DIR: this.at("cache") });
    // another user may not enter the folder that the tests run in
    return { ...options, copy: this.program, cwd: "/" };
  }

  /** The daemon's answer to a command with `--json`. */
  async facts(command: string): Promise<Record<string, unknown>> {
    const { stdout, stderr } = await this.daemon(command, "--json");
    assertEquals(stderr, "");
    return JSON.parse(stdout);
  }

  /** The log so far. */
  log(): Promise<string> {
    return Deno.readTextFile(this.at("d.log"));
  }

  /** Waits until the log matches. */
  logged(pattern: RegExp): Promise<RegExpExecArray> {
    return this.written("d.log", pattern);
  }

  /** Waits until a file matches. */
  async written(name: string, pattern: RegExp): Promise<RegExpExecArray> {
    return await fileMatch(this.base.folder.path, { name, pattern });
  }

  /** Waits for this many starts of the child; returns their pids in order. */
  async softwarePids(atLeast: number): Promise<number[]> {
    const [text] = await this.written("software.starts", new RegExp(`^(?:.*\\n){${atLeast},}`));
    return text.trim().split("\n").filter(Boolean).map((line) => Number(line.split(" ")[0]));
  }

  /** Checks that no process, socket, lock file or PID file is left. */
  async requireNothingLeft(): Promise<void> {
    for (const { name } of Deno.readDirSync(this.at("runtime"))) {
      const left = Array.from(Deno.readDirSync(this.at(`runtime/${name}`)), ({ name }) => name);
      assertEquals([name, ...left], ["sentinel"]);
    }
    for (const pid of await this.#startedPids()) {
      assertEquals(await isRunning(pid), false);
    }
  }

  async #startedPids(): Promise<number[]> {
    const text = await Deno.readTextFile(this.at("software.starts")).catch(() => "");
    return Array.from(text.matchAll(/^\d+/gm), ([pid]) => Number(pid));
  }

  /** Whether a daemon may be running: one has its PID file here, unless another place is configured. */
  #mayRun(): boolean {
    const config = ifExistsSync(() => Deno.readTextFileSync(this.at("sentinel.toml")));
    if (config === undefined || config.includes("pid_file")) return true;
    const folders = Array.from(Deno.readDirSync(this.at("runtime")), ({ name }) => name);
    return folders.some((name) => [...Deno.readDirSync(this.at(`runtime/${name}`))].length > 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#mayRun()) await this.daemon("stop");
    await this.base[Symbol.asyncDispose]();
  }
}
