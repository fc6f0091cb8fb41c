import { closestString } from "@std/text/closest-string";
import { SentinelError } from "../core/errors.ts";

/** ` (did you mean X?)` with the known word that is nearest to the typed one. */
export function suggest(typed: string, known: readonly string[]): string {
  return known.length === 0 ? "" : ` (did you mean ${closestString(typed, known)}?)`;
}

/** What was typed cannot be done; the message says what can (exit status 2). */
export class UsageError extends SentinelError {
  constructor(message: string) {
    super("usage", message);
  }
}
