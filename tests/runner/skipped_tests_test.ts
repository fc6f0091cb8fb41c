import { assertEquals } from "@std/assert";
import { describeSkipped } from "./skipped_tests.ts";

function report(...names: string[]): string {
  const cases = names.map((name) =>
    `  <testcase name="${name}" time="0.1">\n  <skipped/>\n  </testcase>`
  );
  return `<testsuite>\n  <testcase name="good" time="0.1">\n  </testcase>\n${cases.join("\n")}`;
}

Deno.test("each package that skipped tests need is one line, with the number of tests", () => {
  assertEquals(
    describeSkipped(report(
      "a (skipped: needs root; setpriv (package util-linux))",
      "b (skipped: needs setsid (package util-linux); unshare (package util-linux))",
      "&quot;c&quot; (skipped: needs a &lt;b&gt;)",
    )),
    [
      "what the 3 skipped tests need:",
      "     2  package util-linux",
      "     1  a <b>",
      "     1  root",
    ],
  );
});

Deno.test("a test that is skipped without a reason is named", () => {
  assertEquals(describeSkipped(report("it works")), [
    "what the 1 skipped tests need:",
    "     1  what its name does not say: it works",
  ]);
});

Deno.test("nothing is printed if no test was skipped", () => {
  assertEquals(describeSkipped(report()), []);
});
