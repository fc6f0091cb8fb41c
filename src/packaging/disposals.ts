import { BuildError } from "./run_deno.ts";

/** A `using` or `await using` declaration, as a statement or in the head of a `for`. */
const DECLARATION =
  /(?<![\w$.])using\s+[\w$]+\s*(?::[^=;]+)?=(?![=>])|\bfor\s*(?:await\s*)?\(\s*(?:await\s+)?using\s+[\w$]+\s+of\b/g;

const COMMENT_LINES = /^\s*(?:\/\/|\/?\*).*$/gm;

function countDisposals(code: string): number {
  return Array.from(code.replaceAll(COMMENT_LINES, "").matchAll(DECLARATION)).length;
}

/**
 * Checks that a bundle keeps the disposals of its sources: a minifier that drops a `using` leaks files and sockets silently.
 *
 * @throws {BuildError} The numbers of declarations differ.
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
