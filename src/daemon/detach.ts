import type { OwnCommand } from "./own_command.ts";

/** What a detached start is made of. */
export interface DetachOptions {
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
  const stop = () => terminate(child);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop, { once: true });
  const said = eachLine(child.stderr, onLine);
  try {
    const isReady = await hasLine(child.stdout, READY_LINE);
    // what it said before that has been written before that
    if (isReady) return { kind: "ready", pid: child.pid };
    await said.ended;
    return { kind: "ended", status: (await child.status).code };
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
