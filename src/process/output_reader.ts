import { describeError } from "../core/errors.ts";
import type { OutputLog } from "./output_log.ts";
import { type Lending, SegmentReader } from "./segment_reader.ts";
import type { StreamName } from "./segment_files.ts";

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
export type GapReason = "retention" | "missing" | `unreadable: ${string}`;

export interface ReadOutputOptions {
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
