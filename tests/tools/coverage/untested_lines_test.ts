import { assertEquals } from "@std/assert";
import { lineRanges, untestedFiles } from "../../../tools/coverage/untested_lines.ts";

Deno.test("untestedFiles() names the lines that never ran, and the files that were never loaded", () => {
  const trace = [
    "SF:/p/src/a.ts\nDA:1,3\nDA:2,0\nDA:3,0\nDA:7,0\nend_of_record",
    "SF:/elsewhere/src/b.ts\nDA:1,0\nDA:2,4\nend_of_record",
    "SF:/p/src/b.ts\nDA:1,1\nend_of_record",
    "SF:/p/src/a.ts\nDA:7,1\nend_of_record",
  ].join("\n");
  const sources = ["src/c.ts", "src/b.ts", "src/a.ts"];
  assertEquals(untestedFiles({ trace, root: "/p/", sources }), [
    { path: "src/a.ts", lines: [2, 3] },
    { path: "src/c.ts", lines: undefined },
  ]);
});

Deno.test("lineRanges() joins lines that follow each other", () => {
  assertEquals(lineRanges([2, 3, 4, 9, 11, 12]), "2-4, 9, 11-12");
});
