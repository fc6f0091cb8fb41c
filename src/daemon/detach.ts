import type { Platform } from "../platform/contract.ts";
import { describeError, SentinelError, unwrapError } from "../core/errors.ts";
import { waitForExit } from "../core/process.ts";

/** The command that starts this program, without the program's own arguments. */
export interface OwnCommand {
  readonly path: string;
  readonly args: readonly string[];
}

interface OwnCommandOptions {
  readonly platform: Pick<Platform, "commandLine">;
  /** This program's own arguments. */
  readonly args: readonly string[];
  /** The runtime, or the compiled program. */
  readonly execPath: string;
  /** Whether this is a compiled program. */
  readonly isStandalone: boolean;
}

/** Variables that can load other code into a program or change how it runs. */
const FORBIDDEN_VARIABLES = /^(?:DENO|NODE|LD|DYLD)_/;

/**
 * Derives the command that starts this program, be it from source, from a bundle or compiled; `undefined` if the system does
 * not provide the command line.
 */
export function parseOwnCommand(
  { platform, args, execPath, isStandalone }: OwnCommandOptions,
): OwnCommand | undefined {
  if (isStandalone) return { path: execPath, args: [] };
  const line = platform.commandLine();
  if (line === undefined || line.length <= args.length) return undefined;
  return { path: execPath, args: line.slice(1, line.length - args.length) };
}

/** Removes variables that would affect the runtime of another instance of this program. */
export function filterEnvironment(
  variables: Readonly<Record<string, string>>,
  { isStandalone }: Pick<OwnCommandOptions, "isStandalone">,
): Record<string, string> {
  const passed = Object.entries(variables).filter(([name]) =>
    // from source, the cache of modules is needed
    !FORBIDDEN_VARIABLES.test(name) || !isStandalone && name === "DENO_DIR"
  );
  return Object.fromEntries(passed);
}

interface DetachOptions {
  readonly command: OwnCommand;
  readonly args: readonly string[];
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether it has our standard input until it is ready, instead of none. */
  readonly sharesInput: boolean;
  /** Called for each line on standard error until it is ready. */
  readonly onLine: (line: string) => void;
  /** Aborted to give up: sends SIGTERM and waits for the end. */
  readonly signal: AbortSignal;
}

/** The outcome of a detached start; `status` is the exit status. */
export type DetachOutcome =
  | { readonly kind: "ready"; readonly pid: number }
  | { readonly kind: "ended"; readonly status: number };

/** The line on standard output by which a detached process reports that it is ready. */
export const READY_LINE = "ready";

/**
 * Starts this program in a session of its own, without a terminal, and waits until it is ready or ends. Until then its
 * standard error is forwarded.
 */
export async function startDetached(options: DetachOptions): Promise<DetachOutcome> {
  const { command: { path, args: before }, args, env, sharesInput, onLine, signal } = options;
  const child = new Deno.Command(path, {
    args: [...before, ...args],
    env: { ...env },
    clearEnv: true,
    stdin: sharesInput ? "inherit" : "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const exited = waitForExit(child);
  const stop = () => terminate(child);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const said = forwardLines(child.stderr, onLine);
  try {
    const isReady = await waitForLine(child.stdout, READY_LINE);
    // lines on standard error were written before the ready line
    if (isReady) return { kind: "ready", pid: child.pid };
    await said.ended;
    return { kind: "ended", status: (await exited).code };
  } finally {
    signal.removeEventListener("abort", stop);
    await said.cancel();
    child.unref();
  }
}

function terminate(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGTERM");
  } catch (error) {
    // it has ended, and its output is still being read
    if (!(error instanceof TypeError)) throw error;
  }
}

async function waitForLine(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  line: string,
): Promise<boolean> {
  const utf8 = new TextDecoder();
  let text = "";
  for await (const piece of stream) {
    text += utf8.decode(piece, { stream: true });
    if (text.split("\n").slice(0, -1).includes(line)) return true;
  }
  return false;
}

function forwardLines(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onLine: (line: string) => void,
): { ended: Promise<void>; cancel: () => Promise<void> } {
  const reader = stream.getReader();
  const utf8 = new TextDecoder();
  const read = async () => {
    let rest = "";
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const lines = (rest + utf8.decode(next.value, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
    }
    if (rest !== "") onLine(rest);
  };
  return { ended: read(), cancel: () => reader.cancel() };
}

/** The phases of a start, in order. */
type StartUpPhase = "environment" | "process" | "daemonise" | "privileges" | "core";

/** A failed start; the exit status is that of its cause. */
export class StartUpError extends SentinelError {
  override readonly details: readonly string[];

  constructor(readonly phase: StartUpPhase, thrown: unknown) {
    const cause = unwrapError(thrown);
    const isOurs = cause instanceof SentinelError;
    super(isOurs ? cause.code : "internal", `start-up failed (${phase}): ${describeError(cause)}`, {
      cause,
    });
    this.details = isOurs ? cause.details : [];
  }
}

/** Runs one phase and wraps its error in a {@linkcode StartUpError}. */
export async function runPhase<T>(phase: StartUpPhase, action: () => Promise<T> | T): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StartUpError(phase, error);
  }
}
