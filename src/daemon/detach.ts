import type { Platform } from "../platform/contract.ts";
import { describeError, firstError, SentinelError } from "../core/errors.ts";
import { exitOf } from "../core/process.ts";

/** How this program is started, without its own arguments. */
export interface OwnCommand {
  readonly path: string;
  readonly args: readonly string[];
}

interface OwnCommandOptions {
  readonly platform: Pick<Platform, "commandLine">;
  /** Our own arguments. */
  readonly args: readonly string[];
  /** The runtime, or, compiled, ourselves. */
  readonly execPath: string;
  /** Whether we are one compiled program. */
  readonly isStandalone: boolean;
}

/** What loads other code into a program, or has it do what it is not asked to. */
const FORBIDDEN_VARIABLES = /^(?:DENO|NODE|LD|DYLD)_/;

/**
 * The command that starts this very program, from source, from a bundle and compiled; `undefined` where the system does not
 * tell.
 */
export function ownCommand(
  { platform, args, execPath, isStandalone }: OwnCommandOptions,
): OwnCommand | undefined {
  if (isStandalone) return { path: execPath, args: [] };
  const line = platform.commandLine();
  if (line === undefined || line.length <= args.length) return undefined;
  return { path: execPath, args: line.slice(1, line.length - args.length) };
}

/** Our environment, as it is passed on to ourselves: without what works on the runtime instead of on us. */
export function ownEnvironment(
  variables: Readonly<Record<string, string>>,
  { isStandalone }: Pick<OwnCommandOptions, "isStandalone">,
): Record<string, string> {
  const passed = Object.entries(variables).filter(([name]) =>
    // where modules are kept, from source
    !FORBIDDEN_VARIABLES.test(name) || !isStandalone && name === "DENO_DIR"
  );
  return Object.fromEntries(passed);
}

/** What a detached start is made of. */
interface DetachOptions {
  readonly command: OwnCommand;
  /** Our own arguments, for the one that is to stay. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Shows what it says before it is ready. */
  readonly onLine: (line: string) => void;
  /** Gives up: it is asked to stop, and waited for. */
  readonly signal: AbortSignal;
}

/** How a detached start ended; `status` is the exit status that it had. */
export type DetachOutcome =
  | { readonly kind: "ready"; readonly pid: number }
  | { readonly kind: "ended"; readonly status: number };

/** What says that it is ready, a line of its standard output. */
export const READY_LINE = "ready";

/**
 * Starts ourselves in a session of its own, without a terminal, and waits until it says on its standard output that it is
 * ready, or ends. What it says on standard error meanwhile is passed on.
 */
export async function startDetached(options: DetachOptions): Promise<DetachOutcome> {
  const { command: { path, args: before }, args, env, onLine, signal } = options;
  const child = new Deno.Command(path, {
    args: [...before, ...args],
    env: { ...env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    detached: true,
  }).spawn();
  const exited = exitOf(child);
  const stop = () => terminate(child);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const said = eachLine(child.stderr, onLine);
  try {
    const isReady = await hasLine(child.stdout, READY_LINE);
    // what it said before that has been written before that
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
    // it has ended, and what it said is still being read
    if (!(error instanceof TypeError)) throw error;
  }
}

async function hasLine(
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

function eachLine(
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

/** The phases of a start, in their order. */
type StartUpPhase = "environment" | "process" | "daemonise" | "privileges" | "core";

/** A start that failed; its exit status is the cause's. */
export class StartUpError extends SentinelError {
  override readonly details: readonly string[];

  constructor(readonly phase: StartUpPhase, thrown: unknown) {
    const cause = firstError(thrown);
    const isOurs = cause instanceof SentinelError;
    super(isOurs ? cause.code : "internal", `start-up failed (${phase}): ${describeError(cause)}`, {
      cause,
    });
    this.details = isOurs ? cause.details : [];
  }
}

/** Does one phase; what it throws names the phase. */
export async function inPhase<T>(phase: StartUpPhase, action: () => Promise<T> | T): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw new StartUpError(phase, error);
  }
}
