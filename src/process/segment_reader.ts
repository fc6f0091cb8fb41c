import type { OutputLog } from "./output_log.ts";
import {
  decodeRuns,
  ENTRY_BYTES,
  type Run,
  segmentPaths,
  type StreamName,
} from "./segment_files.ts";

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
}

/** Reads segments block by block; keeps the one open that was read last. */
export class SegmentReader implements Disposable {
  #open: OpenSegment | undefined;

  constructor(readonly log: OutputLog) {}

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
    const block = await readBlock(segment, { offset, end });
    const pieces: Piece[] = [];
    for (let at = 0; at < block.length;) {
      const run = await runAt(segment, offset + at);
      if (run === undefined) break;
      const to = Math.min(block.length, run.offset + run.length - offset);
      const bytes = block.subarray(at, to);
      pieces.push({ kind: "bytes", stream: run.stream, offset: offset + at, bytes });
      at = to;
    }
    return mergePieces(pieces, block);
  }

  [Symbol.dispose](): void {
    this.#open?.data.close();
    this.#open?.index.close();
    this.#open = undefined;
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
  { offset, end }: { offset: number; end: number },
): Promise<Uint8Array<ArrayBuffer>> {
  if (segment.dataOffset !== offset) {
    await segment.data.seek(offset - segment.start, Deno.SeekMode.Start);
  }
  const block = new Uint8Array(Math.min(BLOCK_BYTES, end - offset));
  const length = await readFull(segment.data, block);
  segment.dataOffset = offset + length;
  return block.subarray(0, length);
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
