import { assertEquals } from "@std/assert";
import { reportTable } from "../../../tools/soak/report_table.ts";

Deno.test("the report has a line for each invariant and its complaints below", () => {
  const findings = [
    { invariant: "all is well", looked: "3 things", complaints: [] },
    { invariant: "all", looked: "1 thing", complaints: ["it is not\nat all"] },
  ];
  assertEquals(
    reportTable(findings),
    "ok      all is well  3 things\nBROKEN  all          1 thing\n        it is not\n          at all",
  );
});
