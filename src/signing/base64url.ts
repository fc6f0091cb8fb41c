import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";

export { encodeBase64Url };

const ALPHABET = /^[A-Za-z0-9_-]*$/;

/**
 * Decodes base64url without padding (RFC 4648 section 5), or returns `undefined`.
 *
 * Only the one encoding of the bytes is accepted: no padding, no white space, and no set bits behind the last byte, so
 * that two different texts never stand for the same bytes.
 */
export function decodeStrictBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return undefined;
  const bytes = decodeBase64Url(text);
  const tail = text.length % 4;
  return tail === 0 || encodeBase64Url(bytes.subarray(-(tail - 1))) === text.slice(-tail)
    ? bytes
    : undefined;
}
