/** Nesting beyond this many levels is refused before anything is parsed. */
const MAX_JSON_DEPTH = 64;

/** Why a text is not the JSON that is accepted here. */
type JsonFault =
  | { kind: "too_deep" }
  | { kind: "malformed" }
  | { kind: "duplicate_key"; key: string };

type JsonResult = { value: unknown } | { fault: JsonFault };

/**
 * Parses JSON (RFC 8259) and refuses what `JSON.parse` lets through: nesting beyond {@linkcode MAX_JSON_DEPTH} (which
 * also costs it quadratic time) and an object that has a key twice (of which it silently keeps the last).
 */
export function parseStrictJson(text: string): JsonResult {
  if (isNestedDeeper(text, MAX_JSON_DEPTH)) return { fault: { kind: "too_deep" } };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { fault: { kind: "malformed" } };
  }
  const key = findDuplicateKey(text);
  return key === undefined ? { value } : { fault: { kind: "duplicate_key", key } };
}

/** Whether a parsed value is an object: no list, and not null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 (RFC 3629) to text, or `undefined` where a byte sequence is not valid; a BOM stays and is no JSON. */
export function decodeUtf8(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c;
const OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

/** Whether brackets and braces outside strings are nested more than `limit` deep; the text may be anything. */
function isNestedDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = endOfString(text, i);
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return false;
}

/** The first key that an object of the (valid) JSON text has twice, escapes resolved. */
function findDuplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = endOfString(text, i);
      const keys = open.at(-1);
      if (keyNext && keys !== undefined) {
        const key = unescapeKey(text.slice(i, end + 1));
        if (keys.has(key)) return key;
        keys.add(key);
        keyNext = false;
      }
      i = end;
    } else if (code === OPEN_BRACE) {
      open.push(new Set());
      keyNext = true;
    } else if (code === OPEN_BRACKET) {
      open.push(undefined);
      keyNext = false;
    } else if (code === COMMA) keyNext = open.at(-1) !== undefined;
    else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      open.pop();
      keyNext = false;
    }
  }
  return undefined;
}

/** Index of the quote that closes the string opened at `start`, or the text's length where none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

/** Whether an odd number of backslashes stands before this place. */
function isEscaped(text: string, place: number): boolean {
  let first = place;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (place - first) % 2 === 1;
}

function unescapeKey(quoted: string): string {
  return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
}
