import type { BenchRow } from "./bench_row.ts";

const HEAD = ["name", "figure", "floor", "ratio", "bar", ""];

/** The rows as one table for people. */
export function benchTable(rows: readonly BenchRow[]): string {
  const cells = [HEAD, ...rows.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells.map((row) =>
    row.map((cell, column) =>
      isNumeric(column) ? cell.padStart(widths[column]!) : cell.padEnd(
        widths[column]!,
      )
    ).join("  ").trimEnd()
  ).join("\n");
}

function isNumeric(column: number): boolean {
  return column >= 1 && column <= 3;
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

/** Three digits tell enough; a large number keeps all before the point. */
function rounded(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
