import { closestString } from "@std/text/closest-string";
import { SentinelError } from "../core/errors.ts";

/** ` (did you mean X?)` with the known word closest to the typed one. */
export function suggest(typed: string, known: readonly string[]): string {
  return known.length === 0 ? "" : ` (did you mean ${closestString(typed, known)}?)`;
}

/** The command line is invalid; the message says what is allowed (exit status 2). */
export class UsageError extends SentinelError {
  constructor(message: string) {
    super("usage", message);
  }
}
