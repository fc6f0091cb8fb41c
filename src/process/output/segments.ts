import type { StreamName } from "../../core/output_item.ts";

/** Consecutive bytes of one stream; `offset` counts the bytes of both streams from 0. */
export interface StreamRun {
  readonly stream: StreamName;
  readonly offset: number;
  readonly length: number;
}

/**
 * Size of an index entry: u64 offset, u32 length, u8 stream (1 stdout, 2 stderr), three zero bytes; big-endian. A shorter
 * rest at the end was cut off by a crash and is ignored.
 */
export const ENTRY_BYTES = 16;

const STREAM_NUMBERS: Readonly<Record<StreamName, number>> = { stdout: 1, stderr: 2 };

/** Digits of the largest safe integer. */
const NAME_DIGITS = 16;

/** Paths of a segment's files: the bytes, and the index of their streams. Named after the offset of the first byte. */
export function getSegmentPaths(folder: string, start: number): { data: string; index: string } {
  const name = String(start).padStart(NAME_DIGITS, "0");
  return { data: `${folder}/${name}.out`, index: `${folder}/${name}.idx` };
}

/** Start offsets of the segments in a folder, ascending. */
export async function listSegments(folder: string): Promise<number[]> {
  const starts: number[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const digits = /^(\d{16})\.idx$/.exec(name)?.[1];
    if (digits !== undefined) starts.push(Number(digits));
  }
  return starts.sort((a, b) => a - b);
}

export function encodeRuns(runs: readonly StreamRun[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(runs.length * ENTRY_BYTES);
  const view = new DataView(bytes.buffer);
  runs.forEach(({ stream, offset, length }, i) => {
    view.setBigUint64(i * ENTRY_BYTES, BigInt(offset));
    view.setUint32(i * ENTRY_BYTES + 8, length);
    view.setUint8(i * ENTRY_BYTES + 12, STREAM_NUMBERS[stream]);
  });
  return bytes;
}

export function decodeRuns(bytes: Uint8Array<ArrayBuffer>): StreamRun[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Array.from({ length: Math.floor(bytes.length / ENTRY_BYTES) }, (_, i) => ({
    offset: Number(view.getBigUint64(i * ENTRY_BYTES)),
    length: view.getUint32(i * ENTRY_BYTES + 8),
    stream: view.getUint8(i * ENTRY_BYTES + 12) === STREAM_NUMBERS.stdout ? "stdout" : "stderr",
  }));
}
