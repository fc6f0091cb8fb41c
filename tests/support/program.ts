import { dirname, fromFileUrl } from "@std/path";
import { bundledFixture } from "./shipped_bundle.ts";
import { type Doubles, doublesArgument } from "./doubles.ts";
import { within } from "./patience.ts";
import type { Requirement } from "./requirements.ts";
import { PERMISSIONS, permissionsFor } from "./permissions.ts";

const MAIN = fromFileUrl(new URL("../../main.ts", import.meta.url));

/** The program to test, if it is not the sources: one that was compiled, or the entry of a bundle. */
const TESTED = Deno.env.get("SENTINEL_BIN") || undefined;

/** The entry of a bundle, which the runtime runs as it runs `main.ts`. */
export const BUNDLE: string | undefined = TESTED?.endsWith(".js") ? TESTED : undefined;

/** A compiled program, which takes the place of the runtime with `main.ts`. */
export const COMPILED: string | undefined = BUNDLE === undefined ? TESTED : undefined;

/** For what is said of the sources alone. */
export const FROM_SOURCE: Requirement = {
  need: "the program from source",
  met: TESTED === undefined,
};

/**
 * For what an older runtime does in another way: a program may be compiled with one to be tried, as `deno compile` has no
 * other everywhere.
 */
export const PINNED_RUNTIME: Requirement = {
  need: `a program with Deno ${Deno.version.deno}`,
  met: COMPILED === undefined || hasOurRuntime(COMPILED),
};

function hasOurRuntime(program: string): boolean {
  const { stdout } = new Deno.Command(program, { args: ["--version", "--json"] }).outputSync();
  const { runtime } = JSON.parse(new TextDecoder().decode(stdout));
  return runtime.startsWith(`deno ${Deno.version.deno},`);
}

/** What a bundle is compiled with, and so runs with. */
const BUNDLE_FLAGS = ["--no-config", "--no-lock", "--no-npm", "--no-remote"];

export interface ProgramOptions {
  readonly env?: Record<string, string>;
  readonly cwd?: string;
  /** A program of `tests/fixtures` that stands in for `main.ts`. */
  readonly fixture?: string;
  /** Parts that are another's, from source in any case. */
  readonly doubles?: Doubles | undefined;
  readonly v8Flags?: string;
  /** Whether the runtime keeps what it has to say to itself (default: true). */
  readonly isRuntimeQuiet?: boolean;
  /** Another copy of the program: the runtime and the entry, or one that was compiled. */
  readonly copy?: { readonly deno: string; readonly entry?: string };
  /** A command that runs the command which follows it, such as `setpriv`. */
  readonly wrapper?: readonly string[];
  /** `null` by default. */
  readonly stdin?: "null" | "piped";
}

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the real program to its end. */
export async function runProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<ProgramResult> {
  return await startProgram(args, options).end();
}

/** Runs another program to its end, without standard input. */
export async function resultOf(
  program: string,
  options: Pick<Deno.CommandOptions, "args" | "cwd" | "env" | "clearEnv">,
): Promise<ProgramResult> {
  const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { ...options, ...streams }).spawn();
  return await new RunningProgram(child).end();
}

/** Starts the real program; it is killed at the end of the block where it still runs. */
export function startProgram(
  args: readonly string[],
  options: ProgramOptions = {},
): RunningProgram {
  return new RunningProgram(programCommand(args, options).spawn());
}

/** A program that is running. */
export class RunningProgram implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly stdout: LineReader;
  readonly stderr: LineReader;
  #over = false;

  constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.stdout = new LineReader(child.stdout);
    this.stderr = new LineReader(child.stderr);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** All that is to come over its standard input, which is piped. */
  async input(text: string): Promise<void> {
    const writer = this.#child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits for the end, which is brought about where it does not come; the exit status and all that was written. */
  async end(): Promise<ProgramResult> {
    const { status } = this.#child;
    const ended = Promise.all([status, this.stdout.ended, this.stderr.ended]);
    try {
      const [{ code }] = await within(ended, () => `It goes on:\n${this.#written}`);
      this.#over = true;
      return { code, stdout: this.stdout.text, stderr: this.stderr.text };
    } catch (error) {
      this.#killIfThere("SIGKILL");
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.#killIfThere("SIGTERM");
    await this.end();
  }

  get #written(): string {
    return this.stdout.text + this.stderr.text;
  }

  #killIfThere(signal: Deno.Signal): void {
    try {
      this.#child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
    }
  }
}

/** What a program has written so far, and waiting for more. */
export class LineReader {
  text = "";
  /** Resolves at the end of the stream. */
  readonly ended: Promise<void>;
  #over = false;
  #changed = Promise.withResolvers<void>();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.ended = this.#read(stream);
  }

  /**
   * The first match in what is written, now or later.
   *
   * @throws {Error} with all that was written, where the stream ends without it, or it does not come.
   */
  async match(pattern: RegExp): Promise<RegExpExecArray> {
    return await within(this.#find(pattern), () => `Cannot find ${pattern} in:\n${this.text}`);
  }

  async #find(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.text);
      if (found !== null) return found;
      if (this.#over) throw new Error(`Cannot find ${pattern} in:\n${this.text}`);
      await this.#changed.promise;
    }
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    const utf8 = new TextDecoder();
    for await (const chunk of stream) {
      this.text += utf8.decode(chunk, { stream: true });
      this.#announce();
    }
    this.#over = true;
    this.#announce();
  }

  #announce(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** What is to be typed to run the program. */
export function programLine(
  args: readonly string[],
  { fixture, doubles, v8Flags, copy, isRuntimeQuiet = true, isSource = false }:
    & Pick<ProgramOptions, "fixture" | "doubles" | "v8Flags" | "copy" | "isRuntimeQuiet">
    & { /** Whether it is to be run from source in any case. */ readonly isSource?: boolean } = {},
): string[] {
  const isItself = (fixture ?? doubles ?? v8Flags) === undefined && !isSource;
  const compiled = copy === undefined ? COMPILED : copy.entry === undefined ? copy.deno : undefined;
  if (isItself && compiled !== undefined) return [compiled, ...args];
  const runtime = copy?.deno ?? Deno.execPath();
  const flags = isRuntimeQuiet ? ["--quiet"] : [];
  if (v8Flags !== undefined) flags.push(`--v8-flags=${v8Flags}`);
  if (doubles !== undefined) flags.push(doublesArgument(doubles));
  const isOurs = !isSource && doubles === undefined && copy === undefined;
  const entry = copy?.entry ?? (isOurs ? bundledEntry(fixture) : undefined) ?? entryOf(fixture);
  flags.push(...(entry.endsWith(".js") ? [...BUNDLE_FLAGS, ...permissionsFor(args)] : PERMISSIONS));
  return [runtime, "run", "--no-prompt", ...flags, entry, ...args];
}

/** The program's entry in a bundle that is tested, or a fixture's that was bundled beside it. */
function bundledEntry(fixture: string | undefined): string | undefined {
  if (BUNDLE === undefined || fixture === undefined) return BUNDLE;
  return bundledFixture(dirname(BUNDLE), fixture);
}

/** The command that runs the program, for tests that speak to it over its standard input. */
export function programCommand(
  args: readonly string[],
  options: ProgramOptions = {},
): Deno.Command {
  const { env = {}, cwd, wrapper = [], stdin = "null" } = options;
  const [program, ...rest] = [...wrapper, ...programLine(args, options)];
  return new Deno.Command(program!, {
    args: rest,
    // tests must not write to the user's keyring and home
    clearEnv: true,
    env: {
      ...environment(),
      NO_COLOR: "1",
      DBUS_SESSION_BUS_ADDRESS: "",
      XDG_STATE_HOME: env["XDG_RUNTIME_DIR"] || "/dev/null",
      ...env,
    },
    ...(cwd === undefined ? {} : { cwd }),
    stdin,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Ours, without what is for the tests alone. */
export function environment(): Record<string, string> {
  const { SENTINEL_BIN: _, ...rest } = Deno.env.toObject();
  return rest;
}

function entryOf(fixture: string | undefined): string {
  if (fixture === undefined) return MAIN;
  return fromFileUrl(new URL(`../fixtures/${fixture}`, import.meta.url));
}
