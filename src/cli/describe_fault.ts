import { describeError } from "../core/errors.ts";

/** What the runtime says: what was asked for, and what it was given too little of. */
const REQUIRES =
  /^Requires (\w+) access(?: to (.+?))?(?:, (?:run again|specify the required)\b.*)?$/s;

/** Whatever was thrown, as one line for people. */
export function describeFault(error: unknown): string {
  if (!(error instanceof Deno.errors.NotCapable)) return describeError(error);
  const [, kind, what] = REQUIRES.exec(describeError(error)) ?? [];
  if (kind === undefined) return describeError(error);
  return `permission denied: this sentinel was made without --allow-${kind}` +
    (what === undefined ? "" : ` for ${what}`);
}
