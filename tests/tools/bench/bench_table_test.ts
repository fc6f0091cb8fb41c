import { assertEquals } from "@std/assert";
import { benchTable } from "../../../tools/bench/bench_table.ts";

Deno.test("benchTable() shows each row, and says which bar is missed", () => {
  const table = benchTable([
    { name: "a", figure: 1234.5, unit: "/s", floor: 2000, ratio: 0.617, bar: "any", met: true },
    { name: "longer", figure: 0.98765, unit: "", bar: "at least 1", met: false },
  ]);
  assertEquals(
    table,
    [
      "name     figure    floor  ratio  bar",
      "a       1235 /s  2000 /s   0.62  any         ok",
      "longer    0.988                  at least 1  MISS",
    ].join("\n"),
  );
});

Deno.test("benchTable() shows changes, if there are any", () => {
  const still = { name: "a", figure: 1, unit: "", bar: "any", met: true };
  const slower = { name: "b", figure: 1, unit: "", bar: "any", met: true };
  assertEquals(
    benchTable([still, slower], ({ name }) => name === "b" ? 0.206 : undefined),
    [
      "name  figure  floor  ratio  bar      moved",
      "a          1                any  ok",
      "b          1                any  ok  +21 %",
    ].join("\n"),
  );
});
