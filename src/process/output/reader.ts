import type { OutputLog } from "./log.ts";
import { decodeRuns, ENTRY_BYTES, type Run, segmentPaths } from "./segments.ts";
import { describeError } from "../../core/errors.ts";
import type { GapReason, LendBlock, OutputItem } from "../../core/output_item.ts";

/** Read at once, at most: what a reader costs, besides as many bytes of index as follow. */
const BLOCK_BYTES = 256 * 1024, INDEX_BLOCK_BYTES = 256 * ENTRY_BYTES;

interface OpenSegment {
  readonly start: number;
  readonly data: Deno.FsFile;
  readonly index: Deno.FsFile;
  /** Where the data file stands. */
  dataOffset: number;
  /** Runs that were read of the index and not used up. */
  runs: Run[];
}

type Bytes = Extract<OutputItem, { kind: "bytes" }>;

/** Reads segments block by block; keeps the one open that was read last. */
class SegmentReader implements Disposable {
  #open: OpenSegment | undefined;

  constructor(readonly log: OutputLog, readonly lendBlock: LendBlock | undefined) {}

  /**
   * Bytes from an offset on, by stream, at most a block and not beyond `end`; nothing where the files are shorter.
   *
   * @throws {Deno.errors.NotFound} The segment is gone; or what else the system says.
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

  /** Where at most so many bytes are read to. */
  #room(bytes: number): Uint8Array<ArrayBuffer> {
    return this.lendBlock?.().subarray(0, bytes) ?? new Uint8Array(Math.min(BLOCK_BYTES, bytes));
  }

  async #segment(start: number): Promise<OpenSegment> {
    if (this.#open?.start === start) return this.#open;
    this[Symbol.dispose]();
    const paths = segmentPaths(this.log.folder, start);
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

/** The run that holds an offset; runs before it are used up, as a reader goes forward only. */
async function runAt(segment: OpenSegment, offset: number): Promise<Run | undefined> {
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
  /** Where to begin; 0 by default. */
  readonly from?: number | undefined;
  /** Waits for what is still to come; true by default. Else the end is where the output ends now. */
  readonly follow?: boolean | undefined;
  /** Asked for memory before each block; fresh memory by default. */
  readonly lendBlock?: LendBlock | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a log at the pace of whoever asks: nothing is read ahead, so one that stalls costs a block and delays nobody.
 * Ends after `end`, or without it when `signal` is aborted.
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

/** The next items at an offset that is before the end; at least one. */
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
