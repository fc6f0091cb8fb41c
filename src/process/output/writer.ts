import type { Clock } from "../../core/clock.ts";
import { describeError } from "../../core/errors.ts";
import type { StreamName } from "../../core/output_item.ts";
import { type OutputLog, SegmentWriter } from "./log.ts";
import type { OutputStreams } from "../launch.ts";

/** Output of a busy process is gathered up to this size; each of two buffers has it. */
const BUFFER_BYTES = 1024 * 1024;

/** From here on a write is worth its while. */
const WRITE_BYTES = 512 * 1024;

/** A read at least this long comes from a process that is busy writing: more will come at once. */
const BUSY_READ_BYTES = 16 * 1024;

/** How long bytes of a busy process wait for more. */
const GATHER_MS = 1;

/** 1 GiB and 16 MiB. */
const MAX_OUTPUT_BYTES = 2 ** 30, SEGMENT_BYTES = 2 ** 24;

export interface OutputWriterOptions {
  readonly clock: Clock;
  /** The oldest segments go before it is more than this; {@linkcode MAX_OUTPUT_BYTES} by default. */
  readonly maxOutputBytes?: number | undefined;
  /** {@linkcode SEGMENT_BYTES} by default, and never more than a quarter of `maxOutputBytes`. */
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
 * Appends a process's output to its log, in the order of the calls. Memory is two buffers, whatever comes; who appends
 * waits while both are full. A write that fails ends the recording, not the process: the rest is dropped.
 */
export class OutputWriter {
  readonly #segments: SegmentWriter;
  #filling = emptyBatch();
  #spare: Batch | undefined = emptyBatch();
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

  /** Takes bytes over by copying them; resolves when more may come. */
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

  /** Writes what is left and closes; readers then come to the end. May be called once. */
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

  /** One write at a time; what comes meanwhile is written by the next one. */
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

  /** A fault of the disk ends the recording for good. */
  async #guard(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.log.update({ fault: { at: this.log.end, message: describeError(error) } });
    }
  }
}

function emptyBatch(): Batch {
  return { bytes: new Uint8Array(BUFFER_BYTES), used: 0, runs: [] };
}

function addTo(batch: Batch, stream: StreamName, bytes: Uint8Array): void {
  batch.bytes.set(bytes, batch.used);
  batch.used += bytes.length;
  const last = batch.runs.at(-1);
  if (last?.stream === stream) last.length += bytes.length;
  else batch.runs.push({ stream, length: bytes.length });
}

/** How long output is awaited after the exit, while somebody else holds the pipe. */
export const DRAIN_MS = 2_000;

const READ_BYTES = 256 * 1024;

interface RecordOutputOptions {
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
