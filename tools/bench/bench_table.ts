import type { BenchRow } from "./bench_row.ts";

const HEAD = ["name", "figure", "floor", "ratio", "bar", "", "moved"];
const NUMERIC = ["figure", "floor", "ratio", "moved"];

/**
 * The rows as one table for people.
 *
 * @param movementOf By how much a row moved since it was recorded: 0.2 is a fifth more. The column is left out where none did.
 */
export function benchTable(
  rows: readonly BenchRow[],
  movementOf: (row: BenchRow) => number | undefined = () => undefined,
): string {
  const all = rows.map((row) => [...cellsOf(row), percent(movementOf(row))]);
  const hasMoved = all.some((row) => row.at(-1) !== "");
  const cells = [HEAD, ...all].map((row) => hasMoved ? row : row.slice(0, -1));
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row.map((cell, column) =>
      NUMERIC.includes(HEAD[column]!)
        ? cell.padStart(widths[column]!)
        : cell.padEnd(widths[column]!)
    ).join("  ").trimEnd()
  ).join("\n");
}

function cellsOf({ name, figure, unit, floor, ratio, bar, met }: BenchRow): string[] {
  return [
    name,
    `${rounded(figure)} ${unit}`.trimEnd(),
    floor === undefined ? "" : `${rounded(floor)} ${unit}`.trimEnd(),
    ratio === undefined ? "" : ratio.toFixed(2),
    bar,
    met ? "ok" : "MISS",
  ];
}

function percent(moved: number | undefined): string {
  if (moved === undefined) return "";
  return `${moved > 0 ? "+" : ""}${(moved * 100).toFixed(0)} %`;
}

/** Three digits tell enough; a large number keeps all before the point. */
function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
