/** A string, to be skipped, or a number (RFC 8259). */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

/**
 * Finds the first number of a valid JSON text that changes if a program reads it as a double (IEEE 754), as most do: more
 * than 15 to 17 digits, or too large. `kept` is what remains of it.
 */
export function findInexactNumber(json: string): { text: string; kept: string } | undefined {
  for (const [token] of json.matchAll(TOKENS)) {
    if (token.startsWith('"')) continue;
    const value = Number(token);
    if (!Number.isFinite(value)) return { text: token, kept: "no number" };
    if (normalize(token) !== normalize(String(value))) return { text: token, kept: String(value) };
  }
  return undefined;
}

/** Writes equal decimal numbers in one way: significant digits and an exponent. */
function normalize(number: string): string {
  const [, sign = "", whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/i.exec(number) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - significant.length;
  return `${sign}${significant}e${power}`;
}
