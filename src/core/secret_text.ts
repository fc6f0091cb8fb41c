import { timingSafeEqual } from "@std/crypto/timing-safe-equal";

/** Whether two secrets, tokens or fingerprints are equal; how long it takes tells their lengths at most. */
export function isSameSecret(one: string, other: string): boolean {
  const a = new TextEncoder().encode(one), b = new TextEncoder().encode(other);
  return a.length === b.length && timingSafeEqual(a, b);
}
