import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { BenchRow } from "../../../tools/bench/bench_row.ts";
import { movement, withRows } from "../../../tools/bench/recorded_rows.ts";

function row(name: string, figure: number, ratio?: number): BenchRow {
  const weighed = ratio === undefined ? {} : { floor: figure / ratio, ratio };
  return { name, figure, unit: "ms", ...weighed, bar: "any", met: true };
}

const BEFORE = { rows: [row("a", 10, 2), row("b", 10)] };

Deno.test("movement() reports more than 15 %, of the ratio if there is a floor", () => {
  assertEquals(movement(row("a", 50, 2.2), BEFORE), undefined);
  assertAlmostEquals(movement(row("a", 10, 3), BEFORE)!, 0.5);
  assertAlmostEquals(movement(row("b", 8), BEFORE)!, -0.2);
  assertEquals(movement(row("b", 11), BEFORE), undefined);
});

Deno.test("movement() is undefined for an unrecorded row", () => {
  assertEquals(movement(row("c", 10), BEFORE), undefined);
});

Deno.test("withRows() replaces measured rows, and keeps the rest", () => {
  const { rows } = withRows(BEFORE, [row("c", 1), row("a", 20, 4)]);
  assertEquals(rows.map(({ name, figure }) => [name, figure]), [["a", 20], ["b", 10], ["c", 1]]);
});
