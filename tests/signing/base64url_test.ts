import { assertEquals } from "@std/assert";
import { decodeStrictBase64Url, encodeBase64Url } from "../../src/signing/envelope.ts";

Deno.test("decodeStrictBase64Url() undoes encodeBase64Url() for every length", () => {
  for (let length = 0; length < 70; length++) {
    const bytes = crypto.getRandomValues(new Uint8Array(length));
    assertEquals(decodeStrictBase64Url(encodeBase64Url(bytes)), bytes);
  }
});

for (
  const text of [
    "A",
    "AAAAA",
    "AA==",
    "AA=",
    "A+A/",
    "AA A",
    "AAAA\n",
    "AB",
    "AAB",
    "é",
    "AA\u0000A",
  ]
) {
  Deno.test(`decodeStrictBase64Url() refuses ${JSON.stringify(text)}`, () => {
    assertEquals(decodeStrictBase64Url(text), undefined);
  });
}
