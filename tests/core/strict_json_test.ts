import { assertEquals } from "@std/assert";
import { decodeUtf8, parseStrictJson } from "../../src/core/strict_json.ts";

const DUPLICATES: Record<string, [json: string, key: string]> = {
  "at the top": ['{"a":1,"a":2}', "a"],
  "written with an escape": [String.raw`{"a":1,"\u0061":2}`, "a"],
  "in an object of an array": ['[{"b":[1]},{"c":{"x":1},"c":2}]', "c"],
  "named __proto__": ['{"__proto__":1,"__proto__":2}', "__proto__"],
  "behind a string with quotes and braces": [String.raw`{"a":"\"},{\\","b":1,"b":2}`, "b"],
};

for (const [where, [json, key]] of Object.entries(DUPLICATES)) {
  Deno.test(`parseStrictJson() finds a duplicate key ${where}`, () => {
    assertEquals(parseStrictJson(json), { fault: { kind: "duplicate_key", key } });
  });
}

for (
  const json of [
    '{"a":{"a":1},"b":{"a":2}}',
    '["a","a"]',
    '{"a":"a","b":["a",{"a":1}]}',
    '""',
    "1",
    "[]",
    "{}",
  ]
) {
  Deno.test(`parseStrictJson() accepts ${json}`, () => {
    assertEquals(parseStrictJson(json), { value: JSON.parse(json) });
  });
}

for (
  const json of [
    "",
    " ",
    "{",
    '{"a"',
    '"',
    '"\\',
    "{]",
    "\ufeff{}",
    "nul",
    "01",
    '{"a":1,}',
    "[1 2]",
  ]
) {
  Deno.test(`parseStrictJson() refuses ${JSON.stringify(json)}`, () => {
    assertEquals(parseStrictJson(json), { fault: { kind: "malformed" } });
  });
}

Deno.test("parseStrictJson() accepts 64 levels and refuses 65", () => {
  const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  assertEquals("value" in parseStrictJson(nested(64)), true);
  assertEquals(parseStrictJson(nested(65)), { fault: { kind: "too_deep" } });
  assertEquals(parseStrictJson("[".repeat(1_000_000)), { fault: { kind: "too_deep" } });
});

Deno.test("parseStrictJson() does not count brackets in strings", () => {
  const value = `"${"[".repeat(100)}\\"${"{".repeat(100)}`;
  assertEquals(parseStrictJson(JSON.stringify([value])), { value: [value] });
});

Deno.test("decodeUtf8() refuses broken sequences and keeps a BOM", () => {
  assertEquals(decodeUtf8(Uint8Array.of(0x61, 0xff)), undefined);
  assertEquals(decodeUtf8(Uint8Array.of(0xed, 0xa0, 0x80)), undefined);
  assertEquals(decodeUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), "\ufeffa");
});
