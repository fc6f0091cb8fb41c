import type { Clock } from "../core/clock.ts";
import type { OutputStreams } from "./launch.ts";
import type { OutputWriter } from "./output_writer.ts";
import type { StreamName } from "./segment_files.ts";

/** How long output is awaited after the exit, while somebody else holds the pipe. */
export const DRAIN_MS = 2_000;

const READ_BYTES = 256 * 1024;

export interface RecordOutputOptions {
  readonly clock: Clock;
  /** The process's end. */
  readonly exited: Promise<unknown>;
  /** {@linkcode DRAIN_MS} by default. */
  readonly drainMs?: number | undefined;
}

/**
 * Records both streams until they end, or until the drain is over: whoever else holds them then writes to nobody.
 *
 * @returns Whether the streams ended by themselves.
 */
export async function recordOutput(
  streams: OutputStreams,
  writer: OutputWriter,
  { clock, exited, drainMs = DRAIN_MS }: RecordOutputOptions,
): Promise<boolean> {
  const readers = (["stdout", "stderr"] as const).map((name) => ({
    name,
    reader: streams[name].getReader({ mode: "byob" }),
  }));
  const ended = new AbortController();
  const pumping = Promise.all(readers.map(({ name, reader }) => pump(reader, name, writer)));
  let isComplete = true;
  exited.then(async () => {
    await clock.sleep(drainMs, ended.signal);
    if (ended.signal.aborted) return;
    isComplete = false;
    for (const { reader } of readers) await reader.cancel();
  });
  await pumping;
  ended.abort();
  await writer.finish();
  return isComplete;
}

async function pump(
  reader: ReadableStreamBYOBReader,
  name: StreamName,
  writer: OutputWriter,
): Promise<void> {
  let buffer = new ArrayBuffer(READ_BYTES);
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done || value === undefined) return;
    await writer.append(name, value);
    buffer = value.buffer;
  }
}
