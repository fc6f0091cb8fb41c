/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [key: string]: Json;
};

/**
 * The canonical JSON of licenses and answers: keys sorted by code point at every level, no white space, everything
 * outside printable ASCII as `\uXXXX`. Equal to what Python prints for
 * `json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)`.
 *
 * @throws {TypeError} on a number that JSON cannot hold.
 */
export function canonicalJson(value: Json): string {
  if (typeof value === "string") return quote(value);
  if (typeof value === "number") return formatNumber(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value).sort(compareCodePoints).map((key) =>
    `${quote(key)}:${canonicalJson(value[key] as Json)}`
  );
  return `{${members.join(",")}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

/** `JSON.stringify` leaves DEL and all above ASCII as they are. */
function quote(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\uffff]/g,
    (unit) => "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0"),
  );
}

/** Python's `repr` turns to exponents below 1e-4 and writes them with two digits; JavaScript's below 1e-6, with one. */
function formatNumber(value: number): string {
  if (!Number.isFinite(value)) {
    throw new TypeError(`Cannot encode number: current value is ${value}`);
  }
  if (Number.isInteger(value) || Math.abs(value) >= 1e-4) return String(value);
  return value.toExponential().replace(/e-(\d)$/, "e-0$1");
}

/** JavaScript compares UTF-16 units, in which U+10000 and above sort before U+E000. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i), y = b.charCodeAt(i);
    if (x !== y) return aboveSurrogates(x) - aboveSurrogates(y);
  }
  return a.length - b.length;
}

/** Orders a unit as the code point it belongs to: surrogates (D800–DFFF) behind E000–FFFF. */
function aboveSurrogates(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
