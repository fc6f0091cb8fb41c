/** Deeper nesting is rejected before parsing. */
const MAX_JSON_DEPTH = 64;

/** Why {@linkcode parseStrictJson} rejects a text. */
type JsonFault =
  | { kind: "too_deep" }
  | { kind: "malformed" }
  | { kind: "duplicate_key"; key: string };

type JsonResult = { value: unknown } | { fault: JsonFault };

/**
 * Parses JSON (RFC 8259) and rejects two things that `JSON.parse` accepts: nesting beyond {@linkcode MAX_JSON_DEPTH} (which
 * takes it quadratic time) and duplicate keys (of which it silently keeps the last).
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

/** Whether a parsed value is an object, neither an array nor null. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 (RFC 3629); `undefined` if it is invalid. Keeps a BOM, which the JSON parser then rejects. */
export function decodeUtf8(bytes: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

const QUOTE = 0x22, BACKSLASH = 0x5c, COMMA = 0x2c;
const OPEN_BRACE = 0x7b, CLOSE_BRACE = 0x7d, OPEN_BRACKET = 0x5b, CLOSE_BRACKET = 0x5d;

/** Whether brackets and braces outside strings nest deeper than `limit`; the text need not be valid JSON. */
function isNestedDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) i = findStringEnd(text, i);
    else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (++depth > limit) return true;
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth--;
  }
  return false;
}

/** The first duplicate key in a valid JSON text, with escapes resolved. */
function findDuplicateKey(text: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  let keyNext = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = findStringEnd(text, i);
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

/** Index of the quote that closes the string opened at `start`, or the text's length if it is not closed. */
function findStringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1 && isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end;
}

/** Whether an odd number of backslashes precedes this index. */
function isEscaped(text: string, place: number): boolean {
  let first = place;
  while (text.charCodeAt(first - 1) === BACKSLASH) first--;
  return (place - first) % 2 === 1;
}

function unescapeKey(quoted: string): string {
  return quoted.includes("\\") ? JSON.parse(quoted) : quoted.slice(1, -1);
}
