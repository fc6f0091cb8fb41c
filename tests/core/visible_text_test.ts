import { assertEquals } from "@std/assert";
import { escapeControls, hasControls } from "../../src/core/visible_text.ts";

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
