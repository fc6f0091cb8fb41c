import { decodeRuns, ENTRY_BYTES, listSegments, segmentPaths } from "./segment_files.ts";

/** Recording stopped: what was written from `at` on is lost, the process is not. */
export interface RecordingFault {
  readonly at: number;
  readonly message: string;
}

/**
 * What is recorded of a process's output: which segments there are, how far it goes, whether more may come. One object for
 * the writer and all readers; it holds no bytes.
 */
export class OutputLog {
  /** Starts of the segments, ascending. */
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

  /** The first byte that is still there. */
  get first(): number {
    return this.#starts[0] ?? this.#end;
  }

  /** Behind the last byte that is recorded. */
  get end(): number {
    return this.#end;
  }

  /** Whether nothing more will come. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get fault(): RecordingFault | undefined {
    return this.#fault;
  }

  /** The segment that holds a byte, by its start, and where it ends so far. */
  segmentOf(offset: number): { start: number; end: number } | undefined {
    const i = this.#starts.findLastIndex((start) => start <= offset);
    if (i === -1 || offset >= this.#end) return undefined;
    return { start: this.#starts[i]!, end: this.#starts[i + 1] ?? this.#end };
  }

  /** Resolves at the next change; never rejects. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** For the writer: what is true from now on. */
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

  /** For the writer. */
  get starts(): readonly number[] {
    return this.#starts;
  }
}

/**
 * The output of a process that has ended, as it lies in its folder. What a crash cut off does not count, nor what a full
 * disk had still taken of a write that failed: nobody who watched was shown it.
 */
export async function openOutputLog(folder: string, fault?: RecordingFault): Promise<OutputLog> {
  const starts = await listSegments(folder);
  const last = starts.at(-1);
  const written = last === undefined ? 0 : await endOfSegment(folder, last);
  const end = Math.min(written, fault?.at ?? written);
  return new OutputLog(folder, { starts, end, isOver: true, fault });
}

async function endOfSegment(folder: string, start: number): Promise<number> {
  const { data, index } = segmentPaths(folder, start);
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
