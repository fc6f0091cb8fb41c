import { type Clock, withDeadline } from "../core/clock.ts";
import { ifExists, readAtMost, readSmallFile, UnfitFileError } from "../core/files.ts";

/** The variable that may hold a license's text. */
export const LICENSE_TEXT_VARIABLE = "SENTINEL_LICENSE_TEXT";

/** The path of a file, a pipe or standard input, or the text of {@linkcode LICENSE_TEXT_VARIABLE}. */
export type LicenseSource = { readonly path: string } | { readonly text: string };

/** How to wait for a pipe. */
export interface PipeWait {
  readonly clock: Pick<Clock, "sleep">;
  /** Aborted to give up. */
  readonly stop?: AbortSignal | undefined;
}

/** The names of standard input, which the runtime does not open as a file. */
const STANDARD_INPUT: ReadonlySet<string> = new Set([
  ...["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"],
]);

export function isStandardInput(path: string): boolean {
  return STANDARD_INPUT.has(path);
}

/** Whether the path is a pipe or standard input, which can be read only once. */
export async function isReadOnce(path: string): Promise<boolean> {
  return isStandardInput(path) || (await ifExists(Deno.stat(path)))?.isFifo === true;
}

/** How long the writer of a pipe may take. */
const PIPE_SECONDS = 30;

/**
 * Reads a license's bytes, at most `maxBytes`. Waits for the writer of a pipe, but for nothing else: a device is refused.
 *
 * @throws {UnfitFileError}
 * @throws The system's error if it cannot be read.
 */
export async function readSource(
  source: LicenseSource,
  { maxBytes, ...wait }: PipeWait & { readonly maxBytes: number },
): Promise<Uint8Array<ArrayBuffer>> {
  if ("text" in source) return limit(new TextEncoder().encode(source.text), maxBytes);
  const { path } = source;
  if (!await isReadOnce(path)) return (await readSmallFile(path, maxBytes)).bytes;
  const reading = isStandardInput(path) ? readStandardInput(maxBytes) : readPipe(path, maxBytes);
  return limit(await waitForWriter(reading, wait), maxBytes);
}

function limit(bytes: Uint8Array<ArrayBuffer>, maxBytes: number): Uint8Array<ArrayBuffer> {
  if (bytes.length <= maxBytes) return bytes;
  throw new UnfitFileError("too_large", `is larger than ${maxBytes} bytes`);
}

async function readStandardInput(maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (Deno.stdin.isTerminal()) throw new UnfitFileError("not_a_file", "is a terminal");
  return await readAtMost(Deno.stdin, maxBytes + 1);
}

async function readPipe(path: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  using pipe = await Deno.open(path);
  return await readAtMost(pipe, maxBytes + 1);
}

/** The system cannot abort opening a pipe, so that a read that is given up goes on until the program exits. */
async function waitForWriter<T>(reading: Promise<T>, { clock, stop }: PipeWait): Promise<T> {
  const late = () => {
    throw new UnfitFileError(
      "not_a_file",
      `is a pipe whose writer has not finished after ${PIPE_SECONDS} seconds`,
    );
  };
  const waiting = withDeadline(reading, { clock, ms: PIPE_SECONDS * 1000, late });
  if (stop === undefined) return await waiting;
  const given = Promise.withResolvers<never>();
  const giveUp = () => given.reject(stop.reason);
  stop.addEventListener("abort", giveUp, { once: true });
  try {
    stop.throwIfAborted();
    return await Promise.race([waiting, given.promise]);
  } finally {
    stop.removeEventListener("abort", giveUp);
    waiting.catch(() => {});
  }
}
