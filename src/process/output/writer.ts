import type { Clock } from "../../core/clock.ts";
import { describeError } from "../../core/errors.ts";
import type { StreamName } from "../../core/output_item.ts";
import { type OutputLog, SegmentWriter } from "./log.ts";
import type { OutputStreams } from "../launch.ts";

/** Size of each of the two buffers. */
const BUFFER_BYTES = 1024 * 1024;

/** Buffered bytes that trigger a write. */
const WRITE_BYTES = 512 * 1024;

/** A read of at least this size suggests a busy process: more output follows at once. */
const BUSY_READ_BYTES = 16 * 1024;

/** How long output of a busy process waits for more before it is written. */
const GATHER_MS = 1;

const MAX_OUTPUT_BYTES = 2 ** 30, SEGMENT_BYTES = 2 ** 24;

export interface OutputWriterOptions {
  readonly clock: Clock;
  /** Most output to keep, by removing the oldest segments; 1 GiB by default. */
  readonly maxOutputBytes?: number | undefined;
  /** Size of a segment; 16 MiB by default, at most a quarter of `maxOutputBytes`. */
  readonly segmentBytes?: number | undefined;
  /** See {@linkcode SegmentWriterOptions.sync}; false by default. */
  readonly sync?: boolean | undefined;
}

interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>;
  used: number;
  readonly runs: { readonly stream: StreamName; length: number }[];
}

/**
 * Appends a process's output to its log in the order of the calls. Uses two buffers of fixed size; a call waits while both
 * are full. A failed write ends the recording, and the rest is dropped; the process keeps running.
 */
export class OutputWriter {
  readonly #segments: SegmentWriter;
  #filling = createBatch();
  #spare: Batch | undefined = createBatch();
  #writing: Promise<void> | undefined;
  #gathering: Promise<void> | undefined;

  constructor(readonly log: OutputLog, readonly options: OutputWriterOptions) {
    const { maxOutputBytes = MAX_OUTPUT_BYTES, segmentBytes = SEGMENT_BYTES } = options;
    this.#segments = new SegmentWriter(log, {
      maxOutputBytes,
      segmentBytes: Math.max(1, Math.min(segmentBytes, Math.floor(maxOutputBytes / 4))),
      sync: options.sync ?? false,
    });
  }

  /** Copies the bytes; resolves when there is room for more. */
  async append(stream: StreamName, bytes: Uint8Array): Promise<void> {
    let rest = bytes;
    while (rest.length > 0 && this.log.fault === undefined) {
      const room = BUFFER_BYTES - this.#filling.used;
      if (room > 0) {
        addTo(this.#filling, stream, rest.subarray(0, room));
        rest = rest.subarray(room);
      } else if (this.#writing !== undefined) await this.#writing;
      else void this.#write();
    }
    const isBusy = bytes.length >= BUSY_READ_BYTES;
    if (!isBusy || this.#filling.used >= WRITE_BYTES) void this.#write();
    else this.#writeSoon();
  }

  /** Writes the rest and marks the log as complete. May be called once. */
  async finish(): Promise<void> {
    while (this.#filling.used > 0 || this.#writing !== undefined) await this.#write();
    await this.#gathering;
    await this.#guard(() => this.#segments.close());
    this.log.update({ isOver: true });
  }

  #writeSoon(): void {
    this.#gathering ??= this.options.clock.sleep(GATHER_MS).then(async () => {
      this.#gathering = undefined;
      if (this.#filling.used > 0) await this.#write();
    });
  }

  /** Starts a write unless one is running; the next one writes what arrives meanwhile. */
  #write(): Promise<void> {
    return this.#writing ??= this.#writeBatch().then(() => {
      this.#writing = undefined;
      if (this.#filling.used >= WRITE_BYTES) void this.#write();
      else if (this.#filling.used > 0) this.#writeSoon();
    });
  }

  async #writeBatch(): Promise<void> {
    const batch = this.#filling;
    this.#filling = this.#spare!;
    this.#spare = undefined;
    if (this.log.fault === undefined) {
      const bytes = batch.bytes.subarray(0, batch.used);
      await this.#guard(() => this.#segments.write(bytes, batch.runs));
    }
    batch.used = 0;
    batch.runs.length = 0;
    this.#spare = batch;
  }

  /** Ends the recording at the first failure. */
  async #guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.log.update({ fault: { at: this.log.end, message: describeError(error) } });
    }
  }
}

function createBatch(): Batch {
  return { bytes: new Uint8Array(BUFFER_BYTES), used: 0, runs: [] };
}

function addTo(batch: Batch, stream: StreamName, bytes: Uint8Array): void {
  batch.bytes.set(bytes, batch.used);
  batch.used += bytes.length;
  const last = batch.runs.at(-1);
  if (last?.stream === stream) last.length += bytes.length;
  else batch.runs.push({ stream, length: bytes.length });
}

/** How long to wait for output after the exit while another process holds the pipe open. */
export const DRAIN_MS = 2_000;

const READ_BYTES = 256 * 1024;

interface RecordOutputOptions {
  readonly clock: Clock;
  /** The process's exit. */
  readonly exited: Promise<unknown>;
  /** {@linkcode DRAIN_MS} by default. */
  readonly drainMs?: number | undefined;
}

/**
 * Records both streams until they end, at most {@linkcode DRAIN_MS} beyond the exit; then cancels them, so that other
 * processes that hold them open write to a closed pipe.
 *
 * @returns Whether both streams ended on their own.
 *
 * @example
 * ```ts
 * const log = new OutputLog(folder);
 * await recordOutput(child.output!, new OutputWriter(log, { clock }), { clock, exited: child.exited });
 * ```
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
