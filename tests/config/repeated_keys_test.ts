import { assertEquals } from "@std/assert";
import { findRepeatedKeys } from "../../src/config/load.ts";

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ["nothing", "", []],
  ["the same key in two tables", "[a]\nx = 1\n[b]\nx = 1\n", []],
  ["a key twice", "x = 1\nx = 2", ["2 x"]],
  ["a key three times", "x = 1\nx = 2\nx = 3", ["2 x", "3 x"]],
  ["a quoted and a bare key", '[a]\n"x" = 1\nx = 2\n', ["3 a.x"]],
  ["a dotted key and one in its table's table", "[a]\nb.c = 1\nb . c = 2\n", ["3 a.b.c"]],
  ["a table twice", "[a]\n[ a ]\n", ["2 [a]"]],
  ["keys in a string over lines", 'x = """\nx = 1\nx = 2"""\ny = 1\ny = 2\n', ["5 y"]],
  ["keys in a literal string over lines", "x = '''\ny = 1\n'''\ny = 1\n", []],
  ["a list over lines", "x = [\n  1, # x = 2\n  2,\n]\nx = 3\n", ["5 x"]],
  ["brackets in strings and comments", "x = '['\n# [\ny = \"{\"\ny = 1\n", ["4 y"]],
  ["lists of tables", "[[a]]\nx = 1\n[[a]]\nx = 1\n", []],
  ["Windows line ends", "[a]\r\nx = 1\r\nx = 2\r\n", ["3 a.x"]],
  ["a string that does not end", 'x = "\nx = 1', ["2 x"]],
];

for (const [what, toml, expected] of CASES) {
  Deno.test(`findRepeatedKeys() with ${what}`, () => {
    assertEquals(findRepeatedKeys(toml).map(({ line, key }) => `${line} ${key}`), expected);
  });
}
