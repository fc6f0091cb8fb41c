/** What mail programs, editors and broken transfers make of a license file. */
import { assertEquals, assertRejects } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { decodeLicense } from "../../src/license/license_text.ts";
import { verifyLicense } from "../../src/license/license_file.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";

const organization = await makeOrganization();
const FILE = await organization.license(standardPayload());

function wrap(text: string, { width, end }: { width: number; end: string }): string {
  return text.match(new RegExp(`.{1,${width}}`, "gs"))!.join(end);
}

function quote(text: string, mark: string): string {
  return text.split("\n").map((line) => mark + line).join("\n");
}

const HARMLESS: Readonly<Record<string, string>> = {
  "with a byte order mark": "\ufeff" + FILE,
  "with lines of 76 characters": wrap(FILE, { width: 76, end: "\r\n" }),
  "with lines of 60 characters that end with a blank": wrap(FILE, { width: 60, end: " \n" }),
  "wrapped, with soft line breaks": wrap(FILE, { width: 70, end: "=\r\n" }),
  "quoted in an answer to an answer": quote(wrap(FILE, { width: 72, end: "\n" }), "> > "),
  "indented in a mail": quote(wrap(FILE, { width: 72, end: "\n" }), "    "),
  "with typographic quotation marks": FILE.replaceAll(/"([^"]*)"/g, "\u201c$1\u201d"),
  "with blanks where lines ended": wrap(FILE, { width: 100, end: " " }),
  "with invisible characters of a web page": wrap(FILE, { width: 100, end: "\u200b" }),
  "printed over several lines": JSON.stringify(JSON.parse(FILE), undefined, 2) + "\n\n",
};

for (const [what, text] of Object.entries(HARMLESS)) {
  Deno.test(`a license file ${what} is accepted`, async () => {
    const { license_key } = await verifyLicense(text, organization.verify);
    assertEquals(license_key, "ACME-0001");
  });
}

const DAMAGED: readonly (readonly [what: string, text: string, damage: string])[] = [
  ["with blanks alone", " \n\t", "the file is empty"],
  ["of zero bytes", "\0".repeat(512), "the file has only zero bytes"],
  ["that is a login page", "<!DOCTYPE html><html>{}</html>", "it is a web page"],
  ["that is a key", organization.publicKeyPem, "it is a PEM file, such as a key"],
  [
    "in UTF-32",
    Array.from(FILE, (c) => c + "\0\0\0").join(""),
    "it is not text in UTF-8 or UTF-16",
  ],
  ["cut off in its payload", FILE.slice(0, 150), "it is cut off after 150 characters"],
  [
    "cut off before its last brace",
    FILE.slice(0, -1),
    `it is cut off after ${FILE.length - 1} characters`,
  ],
  ["without its beginning", FILE.slice(100), "its beginning is cut off"],
  ["below a greeting", `Dear Zoë,\n${FILE}`, "there is other text before or after the license"],
  ["above a disclaimer", `${FILE}\n--\nSent.`, "there is other text before or after the license"],
  ["twice in a row", FILE + FILE, ""],
];

for (const [what, text, damage] of DAMAGED) {
  Deno.test(`a license file ${what} is refused by its name`, async () => {
    const refused = () => verifyLicense(text, organization.verify);
    assertEquals(
      (await assertRejects(refused, LicenseError)).message,
      `invalid license file: malformed JSON${damage === "" ? "" : ` (${damage})`}`,
    );
  });
}

Deno.test("a large license is read with a byte order mark, and wrapped is not", async () => {
  const features = { text: "a".repeat(300_000) };
  const large = await organization.license(standardPayload({ features }));
  const { license_key } = await verifyLicense("\ufeff" + large, organization.verify);
  assertEquals(license_key, "ACME-0001");
  const wrapped = () => verifyLicense(large.replaceAll(/.{76}/g, "$&\n"), organization.verify);
  assertEquals(
    (await assertRejects(wrapped, LicenseError)).message,
    "invalid license file: malformed JSON",
  );
});

Deno.test("blanks in a license are no way around its signature", async () => {
  const { payload, ...rest } = JSON.parse(FILE);
  const other = JSON.stringify({ ...rest, payload: `${payload.slice(0, -1)} A` });
  const refused = () => verifyLicense(other, organization.verify);
  assertEquals(
    (await assertRejects(refused, LicenseError)).message,
    "license signature verification failed",
  );
});

/** UTF-16 with a byte order mark or without. */
function encodeUtf16(text: string, { isBig, mark }: { isBig: boolean; mark: boolean }) {
  const units = (mark ? "\ufeff" : "") + text;
  const view = new DataView(new ArrayBuffer(units.length * 2));
  for (let i = 0; i < units.length; i++) view.setUint16(2 * i, units.charCodeAt(i), !isBig);
  return new Uint8Array(view.buffer);
}

for (const isBig of [false, true]) {
  for (const mark of [false, true]) {
    const what = `UTF-16 ${isBig ? "BE" : "LE"} ${mark ? "with" : "without"} a byte order mark`;
    Deno.test(`a license file in ${what} is read`, () => {
      assertEquals(decodeLicense(encodeUtf16(FILE, { isBig, mark })), FILE);
    });
  }
}

Deno.test("half a character of UTF-16 is no text", () => {
  const bytes = encodeUtf16(FILE, { isBig: false, mark: true });
  assertEquals(decodeLicense(bytes.subarray(0, 99)), undefined);
});
