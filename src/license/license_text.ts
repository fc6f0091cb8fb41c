import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";

/** Byte order marks of UTF-16, which Windows editors write; without one, a brace and a zero byte tell the order. */
const UTF16_STARTS = [
  { start: [0xff, 0xfe], encoding: "utf-16le" },
  { start: [0xfe, 0xff], encoding: "utf-16be" },
  { start: [0x7b, 0x00], encoding: "utf-16le" },
  { start: [0x00, 0x7b], encoding: "utf-16be" },
] as const;

/** Decodes a license file: UTF-8 or UTF-16, with or without a byte order mark; `undefined` if it is neither. */
export function decodeLicense(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  const utf16 = UTF16_STARTS.find(({ start }) => start.every((byte, i) => bytes[i] === byte));
  if (utf16 === undefined) return decodeUtf8(bytes);
  try {
    return new TextDecoder(utf16.encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** Longer texts are taken as they are, so that none takes long; licenses have a few kilobytes. */
const MAX_MENDED_CHARACTERS = 64 * 1024;

/** White space and invisible characters, none of which has a meaning in base64url. */
const BLANKS = /[\s\u00ad\u200b\u2060\ufeff]+/g;

/** Removes what a mail program or a copy from a screen inserts into base64url text. */
export function removeBlanks(text: string): string {
  return text.length > MAX_MENDED_CHARACTERS ? text : text.replaceAll(BLANKS, "");
}

/** A soft line break of quoted-printable text (RFC 2045, section 6.7). */
const SOFT_BREAKS = /=[ \t]*\r?\n/g;
/** The marks of a quoted mail at the start of a line (RFC 3676, section 4.5). */
const QUOTE_MARKS = /^[ \t]*>[> \t]*/gm;
const TYPOGRAPHIC_QUOTES = /[\u201c-\u201f]/g;

/**
 * Parses the JSON of a license file. Undoes what mail programs do to a text (wrapped lines, quote marks, typographic
 * quotation marks): the signature covers only the base64url text, which has none of these characters.
 *
 * @returns The value; or, if the text is no JSON, what is wrong with it, if that is known.
 */
export function parseLicenseJson(
  text: string,
): { readonly value: unknown } | { readonly damage: string | undefined } {
  const strict = parseStrictJson(text.replace(/^\ufeff/, ""));
  if ("value" in strict) return strict;
  if (strict.fault.kind === "duplicate_key") {
    return { damage: `${JSON.stringify(strict.fault.key)} appears twice` };
  }
  if (strict.fault.kind === "too_deep" || text.length > MAX_MENDED_CHARACTERS) {
    return { damage: undefined };
  }
  const mended = parseStrictJson(removeBlanks(
    text.replaceAll(SOFT_BREAKS, "").replaceAll(QUOTE_MARKS, "").replaceAll(
      TYPOGRAPHIC_QUOTES,
      '"',
    ),
  ));
  return "value" in mended ? mended : { damage: describeDamage(text) };
}

/** A license file has one pair of braces. */
function describeDamage(text: string): string | undefined {
  const bare = removeBlanks(text);
  if (bare === "") return "the file is empty";
  if (/^\0+$/.test(bare)) return "the file has only zero bytes";
  if (bare.startsWith("<")) return "it is a web page";
  if (bare.startsWith("-----BEGIN")) return "it is a PEM file, such as a key";
  if (bare.includes("\0")) return "it is not text in UTF-8 or UTF-16";
  const start = bare.indexOf("{"), end = bare.lastIndexOf("}");
  if (start === 0 && end === -1) return `it is cut off after ${text.length} characters`;
  if (start === -1 && end === bare.length - 1) return "its beginning is cut off";
  if (start > 0 || (start === 0 && end < bare.length - 1)) {
    return "there is other text before or after the license";
  }
  return undefined;
}
