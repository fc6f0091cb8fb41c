/**
 * Whether two byte sequences are equal, in a time that does not depend on where they differ.
 *
 * @throws {TypeError} if their lengths differ.
 */
export function timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean;
