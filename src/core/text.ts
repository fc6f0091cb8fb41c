import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Whether a text is an absolute http or https URL. */
export function isHttpUrl(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? "");
}

/** Compares two secrets, tokens or fingerprints; the time reveals their lengths at most. */
export function isSameSecret(one: string, other: string): boolean {
  const a = new TextEncoder().encode(one), b = new TextEncoder().encode(other);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Quotes a text as one literal word of a POSIX shell (sh(1), Quoting). */
export function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Like {@linkcode quoteForShell}, with quotes only if they are needed. */
export function quoteIfNeeded(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : quoteForShell(text);
}
