import { assertEquals } from "@std/assert";
import { findInexactNumber } from "../../src/core/json_numbers.ts";

const INEXACT: readonly (readonly [json: string, kept: string])[] = [
  ["12345678901234567", "12345678901234568"],
  ["-9007199254740993", "-9007199254740992"],
  ["1e400", "no number"],
  ["-1e400", "no number"],
  ["1e-400", "0"],
  ["0.12345678901234567891", "0.12345678901234568"],
  ['{"a":["1",2,{"b":9007199254740993}]}', "9007199254740992"],
];

for (const [json, kept] of INEXACT) {
  Deno.test(`findInexactNumber() finds what ${kept} remains of in ${json}`, () => {
    assertEquals(findInexactNumber(json)?.kept, kept);
  });
}

const EXACT = [
  ...["0", "-0", "0.0", "1", "1.0", "1.50", "100", "1e2", "1E+2", "1e-7", "0.1", "123.456e3"],
  ...["9007199254740992", "123456789012345680000", "1e21", "1.7976931348623157e308", "true"],
  ...['"12345678901234567"', '{"12345678901234567":"a \\" 12345678901234567"}'],
];

for (const json of EXACT) {
  Deno.test(`findInexactNumber() finds none in ${json}`, () => {
    assertEquals(findInexactNumber(json), undefined);
  });
}
