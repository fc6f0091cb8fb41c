import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Control characters, line and paragraph separators, and marks that change the direction of a text on a screen. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

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

/**
 * Makes one visible line of a text that comes from elsewhere, so that it cannot pass for several or change what a terminal
 * shows: `\n` for a line feed, `\u001b` for an escape.
 */
export function escapeControls(text: string): string {
  return text.replaceAll(CONTROLS, (character) => {
    const json = JSON.stringify(character).slice(1, -1);
    return json.length > 1 ? json : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Whether a text has characters that {@linkcode escapeControls} replaces. */
export function hasControls(text: string): boolean {
  return escapeControls(text) !== text;
}
