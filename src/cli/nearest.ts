import { closestString } from "@std/text/closest-string";

/** ` (did you mean X?)` with the known word that is nearest to the typed one. */
export function nearest(typed: string, known: readonly string[]): string {
  return known.length === 0 ? "" : ` (did you mean ${closestString(typed, known)}?)`;
}
