/** Marks a nonce that names an earlier one. A random nonce has these digits once in 65,536 times, which does no harm. */
const MARK = "5e27";

/** Hex digits of a nonce by which the next one names it. */
const NAME_DIGITS = 8;

/** A request's place among the requests of its machine. */
export interface NonceLink {
  /** By which later nonces name this one. */
  readonly name: string;
  /** The name of the last nonce whose answer the machine had. */
  readonly answered: string;
}

/**
 * Lets a nonce name the last one that was answered, so that the license server can tell the requests of two copies of a
 * machine's state apart: neither knows the other's answers.
 *
 * The name replaces the last digits. The nonce stays a UUID v4, and 74 of its bits stay random.
 *
 * @param answered `undefined` before the first answer: the nonce stays as it is.
 */
export function linkNonce(nonce: string, answered: string | undefined): string {
  if (answered === undefined) return nonce;
  return nonce.slice(0, -MARK.length - NAME_DIGITS) + MARK + answered.slice(0, NAME_DIGITS);
}

/** Reads the link of a nonce; `undefined` if it has none, as that of a client of version 0.1. */
export function readLink(nonce: string): NonceLink | undefined {
  const digits = nonce.toLowerCase();
  const end = digits.slice(-MARK.length - NAME_DIGITS);
  if (!end.startsWith(MARK)) return undefined;
  return { name: digits.slice(0, NAME_DIGITS), answered: end.slice(MARK.length) };
}
