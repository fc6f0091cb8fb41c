import { assertEquals } from "@std/assert";
import { escapeText, formatCommandLine, parsePattern, quoteText } from "../../src/remote/audit.ts";

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

const PASSWORD = "--password[= ].*", TOKEN = "ghp_\\w+";

for (
  const [what, args, patterns, expected] of [
    ["arguments", ["-v", "a b"], [], "\"tool -v 'a b'\""],
    ["no argument", [], [], "tool"],
    ["a secret in its option", ["--password=a b", "-v"], [PASSWORD], "\"tool '***' -v\""],
    ["a secret behind its option", ["--password", "a b"], [PASSWORD], "\"tool --password '***'\""],
    ["a secret in an argument", ["url=ghp_1@x"], [TOKEN], "\"tool 'url=***@x'\""],
    ["two secrets", ["ghp_1", "ghp_2:ghp_3"], [TOKEN], "\"tool '***' '***:***'\""],
    ["several patterns", ["--password", "ghp_1"], [PASSWORD, TOKEN], "\"tool --password '***'\""],
    ["a secret with a line end", ["--password=a\nb"], [PASSWORD], "\"tool '***'\""],
    ["a pattern that matches nothing", ["a"], ["", "x*"], '"tool a"'],
  ] as const
) {
  Deno.test(`the audit log shows a command line with ${what}`, () => {
    const command = { command: "tool", args };
    assertEquals(formatCommandLine(command, patterns.map(parsePattern)), expected);
  });
}

Deno.test("a long command line is cut, and cannot end a line", () => {
  const line = formatCommandLine({ command: "tool", args: ["a\nb", "x".repeat(10_000)] }, []);
  assertEquals([line.length < 2_100, line.includes("\n")], [true, false]);
});
