import type { OutputLog } from "./log.ts";
import { decodeRuns, ENTRY_BYTES, getSegmentPaths, type StreamRun } from "./segments.ts";
import { describeError } from "../../core/errors.ts";
import type { GapReason, LendBlock, OutputItem } from "../../core/output_item.ts";

/** Most bytes of data and of index to read at once, and so the memory of a reader. */
const BLOCK_BYTES = 256 * 1024, INDEX_BLOCK_BYTES = 256 * ENTRY_BYTES;

interface OpenSegment {
  readonly start: number;
  readonly data: Deno.FsFile;
  readonly index: Deno.FsFile;
  /** Output offset at the data file's position. */
  dataOffset: number;
  /** Runs read from the index but not consumed yet. */
  runs: StreamRun[];
}

type Bytes = Extract<OutputItem, { kind: "bytes" }>;

/** Reads segments block by block; keeps the last one open. */
class SegmentReader implements Disposable {
  #open: OpenSegment | undefined;

  constructor(readonly log: OutputLog, readonly lendBlock: LendBlock | undefined) {}

  /**
   * Reads at most a block from `offset` up to `end`, split by stream; empty if the files are too short.
   *
   * @throws {Deno.errors.NotFound} The segment's files do not exist.
   * @throws Other errors of the system.
   */
  async read(
    start: number,
    { offset, end }: { offset: number; end: number },
  ): Promise<Bytes[]> {
    const segment = await this.#segment(start);
    const block = await readBlock(segment, { offset, room: this.#room(end - offset) });
    const items: Bytes[] = [];
    for (let at = 0; at < block.length;) {
      const run = await runAt(segment, offset + at);
      if (run === undefined) break;
      const to = Math.min(block.length, run.offset + run.length - offset);
      const last = items.at(-1);
      const from = last?.stream === run.stream ? last.offset - offset : at;
      if (from < at) items.pop();
      items.push({
        kind: "bytes",
        stream: run.stream,
        offset: offset + from,
        bytes: block.subarray(from, to),
      });
      at = to;
    }
    return items;
  }

  [Symbol.dispose](): void {
    this.#open?.data.close();
    this.#open?.index.close();
    this.#open = undefined;
  }

  /** Memory for at most so many bytes. */
  #room(bytes: number): Uint8Array<ArrayBuffer> {
    return this.lendBlock?.().subarray(0, bytes) ?? new Uint8Array(Math.min(BLOCK_BYTES, bytes));
  }

  async #segment(start: number): Promise<OpenSegment> {
    if (this.#open?.start === start) return this.#open;
    this[Symbol.dispose]();
    const paths = getSegmentPaths(this.log.folder, start);
    const data = await Deno.open(paths.data);
    try {
      const index = await Deno.open(paths.index);
      return this.#open = { start, data, index, dataOffset: start, runs: [] };
    } catch (error) {
      data.close();
      throw error;
    }
  }
}

async function readBlock(
  segment: OpenSegment,
  { offset, room }: { offset: number; room: Uint8Array<ArrayBuffer> },
): Promise<Uint8Array<ArrayBuffer>> {
  if (segment.dataOffset !== offset) {
    await segment.data.seek(offset - segment.start, Deno.SeekMode.Start);
  }
  const length = await readFull(segment.data, room);
  segment.dataOffset = offset + length;
  return room.subarray(0, length);
}

/** The run that holds an offset; drops earlier runs, since a reader only moves forward. */
async function runAt(segment: OpenSegment, offset: number): Promise<StreamRun | undefined> {
  for (;;) {
    const used = segment.runs.findIndex((run) => offset < run.offset + run.length);
    if (used !== -1) {
      segment.runs.splice(0, used);
      return segment.runs[0];
    }
    const bytes = new Uint8Array(INDEX_BLOCK_BYTES);
    const length = await readFull(segment.index, bytes);
    const rest = length % ENTRY_BYTES;
    if (rest > 0) await segment.index.seek(-rest, Deno.SeekMode.Current);
    if (length < ENTRY_BYTES) return undefined;
    segment.runs = decodeRuns(bytes.subarray(0, length));
  }
}

async function readFull(file: Deno.FsFile, into: Uint8Array): Promise<number> {
  let length = 0;
  while (length < into.length) {
    const count = await file.read(into.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}

interface ReadOutputOptions {
  /** Start offset; 0 by default. */
  readonly from?: number | undefined;
  /** Whether to wait for further output (default); else reading ends at the current end. */
  readonly follow?: boolean | undefined;
  /** Lends memory for each block; new memory by default. */
  readonly lendBlock?: LendBlock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads recorded output at the consumer's pace, without reading ahead: a stalled consumer costs one block of memory and
 * delays no one else. Ends after the item `end`, or without it if `signal` aborts.
 *
 * @example
 * ```ts
 * for await (const item of readOutput(log, { follow: true })) {
 *   if (item.kind === "bytes") await Deno.stdout.write(item.bytes);
 * }
 * ```
 */
export async function* readOutput(
  log: OutputLog,
  { from = 0, follow = true, signal, lendBlock }: ReadOutputOptions = {},
): AsyncGenerator<OutputItem, void, void> {
  using reader = new SegmentReader(log, lendBlock);
  const lastEnd = follow ? undefined : log.end;
  let wake = () => {};
  const onAbort = () => wake();
  signal?.addEventListener("abort", onAbort);
  let offset = from;
  try {
    for (;;) {
      const end = lastEnd ?? log.end;
      if (signal?.aborted) return;
      if (offset >= end) {
        if (lastEnd !== undefined || log.isOver) break;
        await new Promise<void>((resolve) => {
          wake = resolve;
          log.changed.then(resolve);
        });
        continue;
      }
      const items = await readFrom(log, reader, { offset, end });
      for (const item of items) {
        offset = item.kind === "gap" ? item.to : item.offset + item.bytes.length;
        yield item;
      }
    }
    if (log.fault !== undefined) yield { kind: "fault", ...log.fault };
    yield { kind: "end", at: offset };
  } finally {
    signal?.removeEventListener("abort", onAbort);
  }
}

type ReadItem = Extract<OutputItem, { kind: "bytes" | "gap" }>;

/** Reads the next items, at least one, at an offset before the end. */
async function readFrom(
  log: OutputLog,
  reader: SegmentReader,
  { offset, end }: { offset: number; end: number },
): Promise<ReadItem[]> {
  const gap = (to: number, why: GapReason): ReadItem[] => [{ kind: "gap", from: offset, to, why }];
  const segment = log.segmentOf(offset);
  if (segment === undefined) return gap(log.first, "retention");
  try {
    const items = await reader.read(segment.start, { offset, end: Math.min(end, segment.end) });
    if (items.length > 0) return items;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      return gap(segment.end, `unreadable: ${describeError(error)}`);
    }
  }
  return log.first > offset ? gap(log.first, "retention") : gap(segment.end, "missing");
}
