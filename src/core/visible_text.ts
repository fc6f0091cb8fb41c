/** Control characters, line and paragraph separators, and marks that change the direction of a text on a screen. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

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
