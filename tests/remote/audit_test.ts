import { assertEquals } from "@std/assert";
import { escapeText, quoteText } from "../../src/remote/audit.ts";

for (
  const [text, expected] of [
    ["ops@example.com", "ops@example.com"],
    ["/usr/bin/env", "/usr/bin/env"],
    ["a b", '"a b"'],
    ["x, role: control", '"x, role: control"'],
    ["x\n2026 INFO: forged", '"x\\n2026 INFO: forged"'],
    ["\u001b[31m\u009b\u2028", '"\\u001b[31m\\u009b\\u2028"'],
    ["", '""'],
  ] as const
) {
  Deno.test(`the audit log shows ${JSON.stringify(text)} as one word`, () => {
    assertEquals(quoteText(text), expected);
  });
}

Deno.test("long text is cut, and an outcome cannot end a line", () => {
  assertEquals(escapeText("a\r\nb"), "a\\u000d\\u000ab");
  assertEquals(quoteText("a".repeat(10_000)).length, 303);
});
