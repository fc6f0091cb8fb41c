/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/**
 * Encodes the canonical JSON of licenses and answers: keys sorted by code point at every level, no white space, everything
 * outside printable ASCII as `\uXXXX`. Equals Python's
 * `json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)`.
 *
 * @throws {TypeError} A number is not finite.
 */
export function encodeCanonicalJson(value: Json): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return formatNumber(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(encodeCanonicalJson).join(",")}]`;
  const members = Object.keys(value).sort(compareCodePoints).map((key) =>
    `${quote(key)}:${encodeCanonicalJson(value[key] as Json)}`
  );
  return `{${members.join(",")}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** Escapes DEL and non-ASCII characters, which `JSON.stringify` leaves as they are. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

/** Python's `repr` uses exponents below 1e-4, with two digits; JavaScript uses them below 1e-6, with one. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new TypeError(`Cannot encode number: current value is ${value}`);
  }
  if (Number.isInteger(value) || Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

/** Compares code points; JavaScript compares UTF-16 units, in which U+10000 and above sort before U+E000. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x !== y) return liftSurrogate(x) - liftSurrogate(y);
  }
  return a.length - b.length;
}

/** Lifts surrogates (D800–DFFF) above E000–FFFF, as their code points are. */
function liftSurrogate(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
