import { BuildError } from "./run_deno.ts";

/** A `using` or `await using` declaration, by itself or in the head of a `for`. */
const DECLARATION =
  /(?<![\w$.])using\s+[\w$]+\s*(?::[^=;]+)?=(?![=>])|\bfor\s*(?:await\s*)?\(\s*(?:await\s+)?using\s+[\w$]+\s+of\b/g;

const COMMENT_LINES = /^\s*(?:\/\/|\/?\*).*$/gm;

/** How many resources the code disposes of by `using` and `await using`. */
export function countDisposals(code: string): number {
  return Array.from(code.replaceAll(COMMENT_LINES, "").matchAll(DECLARATION)).length;
}

/**
 * Holds the modules of a bundle to its sources: a minifier that drops a `using` leaves files and sockets open, and nothing
 * else tells.
 *
 * @throws {BuildError} unless the modules have as many declarations as the sources.
 */
export function checkDisposals(
  { sources, modules }: { sources: readonly string[]; modules: readonly string[] },
): void {
  const count = (texts: readonly string[]) =>
    texts.reduce((sum, text) => sum + countDisposals(text), 0);
  const declared = count(sources), kept = count(modules);
  if (kept === declared) return;
  throw new BuildError(
    `the bundle has ${kept} of the ${declared} using declarations of its sources: resources would stay open`,
  );
}
