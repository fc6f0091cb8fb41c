import { assertEquals } from "@std/assert";
import { escapeControls, hasControls, isSameSecret } from "../../src/core/text.ts";

const CASES: readonly (readonly [one: string, other: string, isSame: boolean])[] = [
  ["", "", true],
  ["a1b2", "a1b2", true],
  ["a1b2", "a1b3", false],
  ["a1b2", "01b2", false],
  ["a1b2", "a1b", false],
  ["", "a", false],
  ["é", "e", false],
  ["\u00e9", "e\u0301", false],
];

for (const [one, other, isSame] of CASES) {
  Deno.test(`"${one}" and "${other}" are ${isSame ? "the same" : "different"} secrets`, () => {
    assertEquals(isSameSecret(one, other), isSame);
  });
}

const ESCAPED: readonly (readonly [text: string, visible: string])[] = [
  ["a\nb\r\n", "a\\nb\\r\\n"],
  ["\u001b[31m", "\\u001b[31m"],
  ["\u0085\u2028\u2029\u007f", "\\u0085\\u2028\\u2029\\u007f"],
  ["\u202egnp.exe", "\\u202egnp.exe"],
];

for (const [text, visible] of ESCAPED) {
  Deno.test(`escapeControls() shows ${visible}`, () => {
    assertEquals([escapeControls(text), hasControls(text)], [visible, true]);
  });
}

Deno.test("escapeControls() leaves letters, quotes and backslashes as they are", () => {
  const text = 'Zoë "quotes" C:\\path 序列号 \u{1f600} 👩‍🔬';
  assertEquals([escapeControls(text), hasControls(text)], [text, false]);
});
