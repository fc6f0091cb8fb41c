import { openOutputLog, type RecordingFault } from "../../../src/process/output/log.ts";
import { readOutput } from "../../../src/process/output/reader.ts";
import { receive, type Received, type Watched } from "../operators.ts";
import type { SystemUnderTest } from "../system.ts";

/** One recorded process of an operator: what it was to write, what is recorded, what was seen of it. */
export interface RecordedProcess {
  readonly id: string;
  /** Of each stream, all that the process writes where nobody ends it. */
  readonly written: Streams;
  readonly recorded: Streams;
  /** Whether it came to its own end and nothing was said to be missing: then all of it is to be there. */
  readonly isWhole: boolean;
  /** Whether it is still said to run. */
  readonly isRunning: boolean;
  /** Whether its end is known, so that an operator that received it has seen everything recorded. */
  readonly isSettled: boolean;
  readonly watched: readonly Watched[];
}

interface Streams {
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** Whether a byte was lost, duplicated or changed between a process, its record, and an operator. */
export async function checkOutput(process: RecordedProcess): Promise<string[]> {
  const complaints = process.isRunning ? [`process ${process.id} is still said to run`] : [];
  for (const stream of ["stdout", "stderr"] as const) {
    const written = process.written[stream], recorded = process.recorded[stream];
    const what = `${stream} of process ${process.id}`;
    if (!isBeginning(recorded, written)) {
      complaints.push(`${what} is not recorded as it was written, within ${recorded.length} bytes`);
    }
    if (process.isWhole && recorded.length < written.length) {
      complaints.push(`${what} is recorded for ${recorded.length} of ${written.length} bytes`);
    }
    for (const watched of process.watched) {
      const fault = await judge(watched[stream], {
        recorded,
        isOver: process.isSettled && watched.code === 0,
      });
      if (fault !== undefined) complaints.push(`${what} was ${fault}`);
    }
  }
  return complaints;
}

/** Whether each process that was watched, as it had been started, has a record. */
export function checkRecorded(
  records: readonly Pick<RecordedProcess, "id">[],
  watched: readonly Pick<Watched, "id">[],
): string[] {
  const lost = new Set(watched.map(({ id }) => id)).difference(
    new Set(records.map(({ id }) => id)),
  );
  return Array.from(lost, (id) => `process ${id} was started and is not recorded`);
}

async function judge(
  { bytes, sha256 }: Received,
  { recorded, isOver }: { recorded: Uint8Array<ArrayBuffer>; isOver: boolean },
): Promise<string | undefined> {
  if (bytes > recorded.length) return `seen for ${bytes} bytes, recorded for ${recorded.length}`;
  if (isOver && bytes < recorded.length) return `said to end at ${bytes} of ${recorded.length}`;
  const expected = await receive(recorded.slice(0, bytes));
  return expected.sha256 === sha256 ? undefined : `seen otherwise than recorded, in ${bytes} bytes`;
}

function isBeginning(bytes: Uint8Array, whole: Uint8Array): boolean {
  return bytes.length <= whole.length && bytes.every((byte, i) => byte === whole[i]);
}

/** What `recorded_lines.sh TAG LINES` writes. */
export function linesOf(tag: string, count: number): Streams {
  const all = Array.from({ length: count }, (_, i) => i);
  const text = (name: string, numbers: number[]) =>
    new TextEncoder().encode(numbers.map((i) => `${tag} ${name} ${i}\n`).join(""));
  return { stdout: text("out", all), stderr: text("err", all.filter((i) => i % 10 === 0)) };
}

/** Reads all records of operators' processes from the disk, once the daemon has stopped. */
export async function readRecords(system: SystemUnderTest): Promise<RecordedProcess[]> {
  const records: RecordedProcess[] = [];
  const watched = system.operators.flatMap(({ watched }) => watched);
  for await (const { name: id, isDirectory } of Deno.readDir(system.records)) {
    if (!isDirectory) continue;
    const path = `${system.records}/${id}`;
    const record = JSON.parse(await Deno.readTextFile(`${path}/record.json`));
    const [, tag, lines] = record.args;
    // the daemon's own software is recorded, too
    if (tag === undefined) continue;
    records.push({
      id,
      written: linesOf(tag, Number(lines)),
      recorded: await readRecorded(`${path}/output`, record.fault),
      isWhole: record.state === "exited" && record.fault === undefined,
      isRunning: record.state === "running",
      // with the word of its end, that of a fault is lost, too
      isSettled: record.state !== "lost",
      watched: watched.filter((other) => other.id === id),
    });
  }
  return records;
}

async function readRecorded(folder: string, fault?: RecordingFault): Promise<Streams> {
  const pieces = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  for await (const item of readOutput(await openOutputLog(folder, fault), { follow: false })) {
    if (item.kind === "bytes") pieces[item.stream].push(item.bytes.slice());
  }
  return { stdout: join(pieces.stdout), stderr: join(pieces.stderr) };
}

function join(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
