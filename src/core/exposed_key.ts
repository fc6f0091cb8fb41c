import type { Logger } from "./log.ts";

/** Permission bits of group and others. */
const OTHERS = 0o077;

/**
 * Warns of a private key's file that group or others may do anything with.
 *
 * @param file `mode` has its permission bits (null on Windows), `what` names it in the message.
 */
export function warnOfExposedKey(
  { path, mode, what }: { path: string; mode: number | null; what: string },
  log: Logger,
): void {
  if (mode === null || (mode & OTHERS) === 0) return;
  const bits = (mode & 0o777).toString(8).padStart(4, "0");
  log.warn(`${what} can be read by others: ${path} has mode ${bits} (chmod 600 it)`);
}
