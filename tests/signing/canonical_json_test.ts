import { assertEquals, assertThrows } from "@std/assert";
import { encodeCanonicalJson, type Json } from "../../src/signing/canonical_json.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { within } from "../support/patience.ts";

const SAMPLES: Json[] = [
  {},
  [],
  null,
  true,
  { b: 1, a: { d: [1, { z: 0, y: -5 }], c: "x" } },
  { "\u{1f600}": 1, "\uffff": 2, "é": 3, "Z": 4, "a": 5 },
  'Zoë \u{1f600} \u007f \u0000 \b\f\n\r\t\u001f " \\ / \u2028',
  "\ud800 lone",
  [0.1, 1.5, -2.25, 0.0001, 0.00001, 1.25e-7, 1e-10, 123456789.125, 9007199254740991],
  { "": "", "a b": "<&>" },
];

Deno.test("encodeCanonicalJson() sorts by code point and escapes all but printable ASCII", () => {
  assertEquals(
    encodeCanonicalJson({ "\u{1f600}": 1, "\uffff": 2, b: "é", a: [1, { d: null, c: "\u007f" }] }),
    String.raw`{"a":[1,{"c":"\u007f","d":null}],"b":"\u00e9","\uffff":2,"\ud83d\ude00":1}`,
  );
});

Deno.test("encodeCanonicalJson() refuses what JSON cannot hold", () => {
  assertThrows(() => encodeCanonicalJson([NaN]), TypeError, "current value is NaN");
  assertThrows(() => encodeCanonicalJson({ a: Infinity }), TypeError, "current value is Infinity");
});

testWith(
  [needsProgram("python3")],
  "encodeCanonicalJson() prints what Python's json.dumps prints",
  async () => {
    const script =
      "import json,sys\nfor x in json.load(sys.stdin): print(json.dumps(x, sort_keys=True, separators=(',', ':'), ensure_ascii=True))";
    const python = new Deno.Command("python3", {
      args: ["-c", script],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    const input = python.stdin.getWriter();
    await input.write(new TextEncoder().encode(JSON.stringify(SAMPLES)));
    await input.close();
    const { stdout } = await within(python.output(), () => "python3 goes on");
    assertEquals(
      SAMPLES.map(encodeCanonicalJson),
      new TextDecoder().decode(stdout).trimEnd().split("\n"),
    );
  },
);
