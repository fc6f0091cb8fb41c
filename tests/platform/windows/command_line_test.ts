import { assertEquals } from "@std/assert";
import { joinCommandLine, splitCommandLine } from "../../../src/platform/windows/command_line.ts";

/** From the documentation of CommandLineToArgvW, and what is hard about it. */
const SPLIT: Readonly<Record<string, readonly string[]>> = {
  'deno.exe "abc" d e': ["deno.exe", "abc", "d", "e"],
  '"C:\\Program Files\\x.exe" a\\\\\\b d"e f"g h': [
    "C:\\Program Files\\x.exe",
    "a\\\\\\b",
    "de fg",
    "h",
  ],
  'x a\\\\\\"b c d': ["x", 'a\\"b', "c", "d"],
  'x a\\\\\\\\"b c" d e': ["x", "a\\\\b c", "d", "e"],
  'x ""': ["x", ""],
};

for (const [line, words] of Object.entries(SPLIT)) {
  Deno.test(`the command line ${line} is split as the system does`, () => {
    assertEquals(splitCommandLine(line), words);
  });
}

Deno.test("a joined command line is split into the same words", () => {
  const words = [
    "C:\\Program Files\\",
    "",
    'a "b" c',
    "\\\\share\\x",
    '\\"',
    "ü\t%PATH%",
    "--x=\\",
  ];
  assertEquals(splitCommandLine(joinCommandLine(words)), words);
});
