import { dirname, fromFileUrl, join } from "@std/path";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));

/** How a run of the program ended. */
export interface ProgramResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The command that runs the program from source with these arguments. */
export function sentinelCommand(
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...options,
    args: ["run", "--quiet", "--no-prompt", "-A", join(ROOT, "main.ts"), ...args],
    env: { NO_COLOR: "1", ...options.env },
  });
}

/** Runs the program to its end. */
export async function runSentinel(...args: string[]): Promise<ProgramResult> {
  const { code, stdout, stderr } = await sentinelCommand(args).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** A `vendor serve` that listens; killed at the end where the test did not stop it. */
export interface ServingProgram extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  /** Sends a signal and waits for the end. */
  stop(signal: Deno.Signal): Promise<ProgramResult>;
  /** How it ends, whoever ends it. */
  readonly ended: Promise<ProgramResult>;
}

/** Starts `sentinel vendor serve` and waits for its line; fails with what it said where it ends before that. */
export async function serveLicenses(...args: string[]): Promise<ServingProgram> {
  const child = sentinelCommand(["vendor", "serve", ...args]).spawn();
  const line = Promise.withResolvers<string>();
  const err = collect(child.stderr, () => undefined);
  const out = collect(child.stdout, (text) => {
    const match = /^listening on (\S+)\n/.exec(text);
    if (match !== null) line.resolve(match[1]!);
  });
  const ended = Promise.all([child.status, out, err]).then(
    ([{ code }, out, err]) => ({ code, out, err }),
  );
  ended.then((result) => line.reject(new Error(`the server ended: ${JSON.stringify(result)}`)));
  return {
    url: await line.promise,
    pid: child.pid,
    ended,
    stop(signal) {
      child.kill(signal);
      return ended;
    },
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch { /* it has ended */ }
      await ended;
    },
  };
}

/** Reads a stream to its end; `see` is shown all text so far. */
async function collect(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  see: (text: string) => void,
): Promise<string> {
  let text = "";
  for await (const piece of stream.pipeThrough(new TextDecoderStream())) {
    text += piece;
    see(text);
  }
  return text;
}
