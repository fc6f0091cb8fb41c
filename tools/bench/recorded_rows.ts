import type { BenchRow } from "./bench_row.ts";

/** Rows that were measured before: `docs/benchmarks.json`. */
export interface RecordedRows {
  readonly rows: readonly BenchRow[];
}

/** Less than that is noise. */
const NOTEWORTHY = 0.15;

/**
 * By how much a row moved against what is recorded under its name: its ratio to the floor, or its figure where it has no
 * floor. 0.2 is a fifth more; `undefined` where nothing is recorded, or it moved too little to be told.
 */
export function movement(row: BenchRow, { rows }: RecordedRows): number | undefined {
  const before = rows.find(({ name }) => name === row.name);
  if (before === undefined) return undefined;
  const [was, is] = [weightOf(before), weightOf(row)];
  const moved = was === 0 ? 0 : is / was - 1;
  return Math.abs(moved) > NOTEWORTHY ? moved : undefined;
}

/** What is recorded, with these rows in the place of those of their names. */
export function withRows({ rows }: RecordedRows, measured: readonly BenchRow[]): RecordedRows {
  const names = new Set(measured.map(({ name }) => name));
  const kept = rows.filter(({ name }) => !names.has(name));
  return { rows: [...kept, ...measured].sort((a, b) => a.name < b.name ? -1 : 1) };
}

function weightOf({ ratio, figure }: BenchRow): number {
  return ratio ?? figure;
}
