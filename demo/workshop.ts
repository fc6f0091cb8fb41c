import { fromFileUrl } from "@std/path";
import type { Narrator } from "./narrator.ts";
import { PERMISSIONS } from "../tests/support/permissions.ts";
import { forgetReplicas } from "../tests/support/user_keyring.ts";
import { Program } from "./program.ts";

/** A stopping program gives its software 10 s; this is a little more. */
const LONGEST_STOP_MS = 12_000;

/** Not `TMPDIR`, which may be long: a socket's path has about a hundred bytes at most. */
const TEMPORARY_FOLDER = "/tmp";

/** Replaces the command `sentinel`: by the program itself, or by the one with short minutes. */
export type Stage = "main" | "hurried";

const ENTRIES: Readonly<Record<Stage, string>> = {
  main: fromFileUrl(new URL("../main.ts", import.meta.url)),
  hurried: fromFileUrl(new URL("./hurried_sentinel.ts", import.meta.url)),
};

/** A temporary directory in which real commands run. Disposing it stops them and removes it. */
export class Workshop implements AsyncDisposable {
  readonly folder: string;
  readonly #narrator: Narrator;
  readonly #over = new AbortController();
  readonly #stop: AbortSignal;
  readonly #programs: Program[] = [];

  private constructor(folder: string, narrator: Narrator, signal: AbortSignal) {
    this.folder = folder;
    this.#narrator = narrator;
    this.#stop = AbortSignal.any([signal, this.#over.signal]);
  }

  /** @param signal Stops all commands; later ones are not started. */
  static async open(narrator: Narrator, signal: AbortSignal): Promise<Workshop> {
    const folder = await Deno.makeTempDir({ dir: TEMPORARY_FOLDER, prefix: "sentinel-demo-" });
    return new Workshop(folder, narrator, signal);
  }

  /** Writes an executable file into the folder. */
  async addProgram(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(`${this.folder}/${name}`, text, { mode: 0o755 });
  }

  /**
   * Shows a command, runs it to its end and shows its output.
   *
   * @throws {Error} unless it exits with 0.
   */
  async run(...args: string[]): Promise<void> {
    const code = await this.start(args, "main").ended;
    this.#stop.throwIfAborted();
    if (code !== 0) throw new Error(`the command ended with exit status ${code}`);
  }

  /** Shows a command, starts it, and shows its output as it arrives. */
  start(args: readonly string[], stage: Stage): Program {
    this.#stop.throwIfAborted();
    this.#narrator.command(args);
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, ENTRIES[stage], ...args],
      cwd: this.folder,
      clearEnv: true,
      env: this.#environment(),
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: this.#stop,
    }).spawn();
    const program = new Program(child, (line) => this.#narrator.output(line));
    this.#programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    const killing = setTimeout(() => {
      for (const program of this.#programs) program.signal("SIGKILL");
    }, LONGEST_STOP_MS);
    await Promise.all(this.#programs.map(({ ended }) => ended));
    clearTimeout(killing);
    await forgetReplicas(this.folder);
    await Deno.remove(this.folder, { recursive: true });
  }

  /** Without the user's settings, and with the socket in the directory. */
  #environment(): Record<string, string> {
    const inherited = Object.entries(Deno.env.toObject())
      .filter(([name]) => !name.startsWith("SENTINEL_"));
    return {
      ...Object.fromEntries(inherited),
      XDG_RUNTIME_DIR: this.folder,
      XDG_STATE_HOME: this.folder,
      DBUS_SESSION_BUS_ADDRESS: "",
    };
  }
}
