/** SHA-256 of 1 GiB, against `sha256sum` on the same file, and the memory that it takes. */
import { hashFile } from "../../src/core/files.ts";
import { runTool } from "../../tests/support/run_tool.ts";
import { temporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

const FILE_BYTES = 2 ** 30;
const PIECE_BYTES = 2 ** 20;
const ROUNDS = 3;
const LEAST_SHARE = 0.7;
const MOST_GROWTH_BYTES = 16 * 2 ** 20;

async function measure(): Promise<BenchRow[]> {
  await using folder = await temporaryFolder();
  const path = folder.at("software");
  await writeFile(path);
  await digest(path, PIECE_BYTES);
  const before = Deno.memoryUsage().rss;
  const ours: number[] = [], theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(await rateOf(() => runTool("sha256sum", path)));
    ours.push(await rateOf(() => digest(path)));
  }
  const growth = Deno.memoryUsage().rss - before;
  const ratio = median(ours.map((rate, i) => rate / theirs[i]!));
  return [{
    name: "SHA-256 of 1 GiB (floor: sha256sum)",
    figure: median(ours),
    unit: "MiB/s",
    floor: median(theirs),
    ratio,
    bar: `at least ${LEAST_SHARE} × the floor`,
    met: ratio >= LEAST_SHARE,
  }, {
    name: `SHA-256 of 1 GiB: growth of resident memory over ${ROUNDS} rounds`,
    figure: growth / 2 ** 20,
    unit: "MiB",
    bar: `at most ${MOST_GROWTH_BYTES / 2 ** 20} MiB`,
    met: growth <= MOST_GROWTH_BYTES,
  }];
}

async function writeFile(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true });
  const piece = new Uint8Array(PIECE_BYTES);
  for (let written = 0; written < FILE_BYTES; written += PIECE_BYTES) {
    crypto.getRandomValues(piece.subarray(0, 65_536));
    for (let rest = piece; rest.length > 0;) rest = rest.subarray(await file.write(rest));
  }
}

/** Digests from `start` on. */
async function digest(path: string, start = 0): Promise<void> {
  using file = await Deno.open(path);
  if (start > 0) await file.seek(FILE_BYTES - start, Deno.SeekMode.Start);
  await hashFile(file);
}

/** MiB a second. */
async function rateOf(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return FILE_BYTES / 2 ** 20 / ((performance.now() - began) / 1000);
}

export const bench: Bench = { measure };
