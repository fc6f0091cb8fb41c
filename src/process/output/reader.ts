import type { OutputLog } from "./log.ts";
import { decodeRuns, ENTRY_BYTES, type Run, segmentPaths, type StreamName } from "./segments.ts";
import { describeError } from "../../core/errors.ts";

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

/** Bytes of one stream. */
interface Piece {
  readonly kind: "bytes";
  readonly stream: StreamName;
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many bytes in front of them, in the same memory, are the reader's to write to. */
  readonly headroom: number;
}

/** How blocks are handed out: given away, or lent until the second next block is read, with room in front. */
interface Lending {
  readonly headroomBytes: number;
}

/** Reads segments block by block; keeps the one open that was read last. */
class SegmentReader implements Disposable {
  #open: OpenSegment | undefined;
  /** Lent in turns: memory that is used again is memory that need not be found, cleared and collected. */
  readonly #lent: Uint8Array<ArrayBuffer>[] = [];
  #turn = 0;

  constructor(readonly log: OutputLog, readonly lending?: Lending) {}

  /**
   * Bytes from an offset on, by stream, at most a block and not beyond `end`; nothing where the files are shorter.
   *
   * @throws {Deno.errors.NotFound} The segment is gone; or what else the system says.
   */
  async read(
    start: number,
    { offset, end }: { offset: number; end: number },
  ): Promise<Piece[]> {
    const segment = await this.#segment(start);
    const block = await readBlock(segment, { offset, room: this.#room(end - offset) });
    const pieces: Piece[] = [];
    for (let at = 0; at < block.length;) {
      const run = await runAt(segment, offset + at);
      if (run === undefined) break;
      const to = Math.min(block.length, run.offset + run.length - offset);
      const bytes = block.subarray(at, to);
      const headroom = at === 0 ? this.lending?.headroomBytes ?? 0 : 0;
      pieces.push({ kind: "bytes", stream: run.stream, offset: offset + at, bytes, headroom });
      at = to;
    }
    return mergePieces(pieces, block);
  }

  [Symbol.dispose](): void {
    this.#open?.data.close();
    this.#open?.index.close();
    this.#open = undefined;
  }

  /** Where at most so many bytes are read to. */
  #room(bytes: number): Uint8Array<ArrayBuffer> {
    if (this.lending === undefined) return new Uint8Array(Math.min(BLOCK_BYTES, bytes));
    const { headroomBytes } = this.lending;
    const whole = this.#lent[this.#turn] ??= new Uint8Array(headroomBytes + BLOCK_BYTES);
    this.#turn = 1 - this.#turn;
    return whole.subarray(headroomBytes, headroomBytes + bytes);
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

/** Runs of one stream that follow each other are one piece. */
function mergePieces(pieces: readonly Piece[], block: Uint8Array<ArrayBuffer>): Piece[] {
  const merged: Piece[] = [];
  let at = 0;
  for (const piece of pieces) {
    const last = merged.at(-1);
    if (last?.stream === piece.stream) {
      const from = at - last.bytes.length;
      merged[merged.length - 1] = {
        ...last,
        bytes: block.subarray(from, at + piece.bytes.length),
      };
    } else merged.push(piece);
    at += piece.bytes.length;
  }
  return merged;
}

/** What a reader is given, in order. */
export type OutputItem =
  /**
   * Bytes of one stream; `offset` counts the whole output. The reader's to keep, not to change, save where they are lent;
   * then the `headroom` bytes in front of them in their memory may be written to.
   */
  | {
    readonly kind: "bytes";
    readonly stream: StreamName;
    readonly offset: number;
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly headroom: number;
  }
  /** Bytes from `from` to before `to` are not there (any more). */
  | { readonly kind: "gap"; readonly from: number; readonly to: number; readonly why: GapReason }
  /** Recording stopped at this offset; the process went on. */
  | { readonly kind: "fault"; readonly at: number; readonly message: string }
  /** Nothing more will come; the last one. */
  | { readonly kind: "end"; readonly at: number };

/** Retention overtook the reader; the segment was taken away; it cannot be read (the system's words). */
type GapReason = "retention" | "missing" | `unreadable: ${string}`;

interface ReadOutputOptions {
  /** Where to begin; 0 by default. */
  readonly from?: number | undefined;
  /** Waits for what is still to come; true by default. Else the end is where the output ends now. */
  readonly follow?: boolean | undefined;
  /** Bytes are lent, until the second next item is asked for; a reader that copies or sends them at once is faster so. */
  readonly lending?: Lending | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a log at the pace of whoever asks: nothing is read ahead, so one that stalls costs a block and delays nobody.
 * Ends after `end`, or without it when `signal` is aborted.
 */
export async function* readOutput(
  log: OutputLog,
  { from = 0, follow = true, signal, lending }: ReadOutputOptions = {},
): AsyncGenerator<OutputItem, void, void> {
  using reader = new SegmentReader(log, lending);
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
