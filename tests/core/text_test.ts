import { assertEquals } from "@std/assert";
import { isSameSecret } from "../../src/core/text.ts";

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
