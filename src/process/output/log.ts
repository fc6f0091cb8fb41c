import type { StreamName } from "../../core/output_item.ts";
import { ifExists, writeAll } from "../../core/files.ts";
import {
  decodeRuns,
  encodeRuns,
  ENTRY_BYTES,
  getSegmentPaths,
  listSegments,
  type StreamRun,
} from "./segments.ts";

/** Recording failed: output from `at` on is lost; the process keeps running. */
export interface RecordingFault {
  readonly at: number;
  readonly message: string;
}

/**
 * State of a process's recorded output: its segments, its end, and whether more may follow. Shared by the writer and all
 * readers; holds no bytes.
 */
export class OutputLog {
  /** Start offsets of the segments, ascending. */
  #starts: readonly number[];
  #end: number;
  #isOver: boolean;
  #fault: RecordingFault | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(
    readonly folder: string,
    { starts = [] as readonly number[], end = 0, isOver = false, fault }: {
      starts?: readonly number[];
      end?: number;
      isOver?: boolean;
      fault?: RecordingFault | undefined;
    } = {},
  ) {
    this.#starts = starts;
    this.#end = end;
    this.#isOver = isOver;
    this.#fault = fault;
  }

  /** Offset of the first byte that retention has kept. */
  get first(): number {
    return this.#starts[0] ?? this.#end;
  }

  /** Offset after the last recorded byte. */
  get end(): number {
    return this.#end;
  }

  /** Whether the output is complete. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get fault(): RecordingFault | undefined {
    return this.#fault;
  }

  /** Start and current end of the segment that holds a byte; `undefined` if none does. */
  segmentOf(offset: number): { start: number; end: number } | undefined {
    const i = this.#starts.findLastIndex((start) => start <= offset);
    if (i === -1 || offset >= this.#end) return undefined;
    return { start: this.#starts[i]!, end: this.#starts[i + 1] ?? this.#end };
  }

  /** Resolves at the next change; never rejects. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** For the writer: changes the state and wakes readers. */
  update(
    { starts, end, isOver, fault }: {
      starts?: readonly number[];
      end?: number;
      isOver?: true;
      fault?: RecordingFault;
    },
  ): void {
    this.#starts = starts ?? this.#starts;
    this.#end = end ?? this.#end;
    this.#isOver = isOver ?? this.#isOver;
    this.#fault ??= fault;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** For the writer: start offsets of the segments, ascending. */
  get starts(): readonly number[] {
    return this.#starts;
  }
}

/**
 * Opens the output of an ended process. Ignores a record that a crash cut off and bytes beyond the recording fault, which no
 * reader has seen.
 *
 * @example
 * ```ts
 * for await (const item of readOutput(await openOutputLog(folder))) console.log(item.kind);
 * ```
 */
export async function openOutputLog(folder: string, fault?: RecordingFault): Promise<OutputLog> {
  const starts = await listSegments(folder);
  const last = starts.at(-1);
  const written = last === undefined ? 0 : await readSegmentEnd(folder, last);
  const end = Math.min(written, fault?.at ?? written);
  return new OutputLog(folder, { starts, end, isOver: true, fault });
}

async function readSegmentEnd(folder: string, start: number): Promise<number> {
  const { data, index } = getSegmentPaths(folder, start);
  using file = await Deno.open(index);
  const { size } = await file.stat();
  const count = Math.floor(size / ENTRY_BYTES);
  if (count === 0) return start;
  await file.seek((count - 1) * ENTRY_BYTES, Deno.SeekMode.Start);
  const bytes = new Uint8Array(ENTRY_BYTES);
  await file.read(bytes);
  const [run] = decodeRuns(bytes);
  const { size: dataBytes } = await Deno.stat(data);
  return Math.min(run!.offset + run!.length, start + dataBytes);
}

export interface SegmentWriterOptions {
  readonly maxOutputBytes: number;
  readonly segmentBytes: number;
  /**
   * Whether to sync each segment when it is full and at the end (fdatasync(2)). If not, a power failure loses what the system
   * has not written yet, about half a minute. A crash of our process loses nothing either way.
   */
  readonly sync: boolean;
}

interface OpenSegment {
  readonly start: number;
  readonly data: Deno.FsFile;
  readonly index: Deno.FsFile;
}

/** Writes output to segments and removes the oldest ones. Not for concurrent calls. */
export class SegmentWriter {
  #open: OpenSegment | undefined;

  constructor(readonly log: OutputLog, readonly options: SegmentWriterOptions) {}

  /**
   * Writes bytes, split into runs in order. Bytes written before a failure stay recorded.
   *
   * @throws The system's error.
   */
  async write(
    bytes: Uint8Array<ArrayBuffer>,
    runs: readonly { readonly stream: StreamName; readonly length: number }[],
  ): Promise<void> {
    const batchStart = this.log.end;
    const placed = placeRuns(runs, batchStart);
    for (let at = 0; at < bytes.length;) {
      const segment = await this.#segmentWithRoom();
      const room = segment.start + this.options.segmentBytes - this.log.end;
      const piece = bytes.subarray(at, at + room);
      await this.#removeOldest(piece.length);
      const from = batchStart + at;
      const pieceRuns = cutRuns(placed, { from, to: from + piece.length });
      await settleBoth(
        writeAll(segment.data, piece),
        writeAll(segment.index, encodeRuns(pieceRuns)),
      );
      at += piece.length;
      this.log.update({ end: from + piece.length });
    }
  }

  /** Closes the open segment; may be called twice. */
  async close(): Promise<void> {
    const segment = this.#open;
    this.#open = undefined;
    if (segment === undefined) return;
    using _data = segment.data, _index = segment.index;
    if (this.options.sync) await sync(segment);
  }

  async #segmentWithRoom(): Promise<OpenSegment> {
    const { log, options: { segmentBytes } } = this;
    if (this.#open !== undefined && log.end < this.#open.start + segmentBytes) return this.#open;
    await this.close();
    const start = log.end;
    const paths = getSegmentPaths(log.folder, start);
    const options = { write: true, createNew: true, mode: 0o600 };
    const data = await Deno.open(paths.data, options);
    try {
      this.#open = { start, data, index: await Deno.open(paths.index, options) };
    } catch (error) {
      data.close();
      throw error;
    }
    log.update({ starts: [...log.starts, start] });
    return this.#open;
  }

  /** Removes the oldest segments; updates the log first, so that no reader opens them. */
  async #removeOldest(neededBytes: number): Promise<void> {
    const { log, options: { maxOutputBytes } } = this;
    while (log.end + neededBytes - log.first > maxOutputBytes && log.starts.length > 1) {
      const paths = getSegmentPaths(log.folder, log.first);
      log.update({ starts: log.starts.slice(1) });
      for (const path of Object.values(paths)) await ifExists(Deno.remove(path));
    }
  }
}

function placeRuns(
  runs: readonly { readonly stream: StreamName; readonly length: number }[],
  start: number,
): StreamRun[] {
  let offset = start;
  return runs.map(({ stream, length }) => {
    const run = { stream, offset, length };
    offset += length;
    return run;
  });
}

/** The parts of the runs between two offsets. */
function cutRuns(
  runs: readonly StreamRun[],
  { from, to }: { from: number; to: number },
): StreamRun[] {
  return runs.flatMap(({ stream, offset, length }) => {
    const start = Math.max(offset, from), end = Math.min(offset + length, to);
    return start < end ? [{ stream, offset: start, length: end - start }] : [];
  });
}

/** Waits for both writes, which run concurrently on other threads, then throws the first failure. */
async function settleBoth(first: Promise<void>, second: Promise<void>): Promise<void> {
  await Promise.allSettled([first, second]);
  await first;
  await second;
}

async function sync({ data, index }: OpenSegment): Promise<void> {
  await data.syncData();
  await index.syncData();
}
