/** base64url without padding (RFC 4648 section 5). */
export function encodeBase64Url(data: ArrayBuffer | Uint8Array | string): string;

/** @throws {TypeError} on characters outside the alphabet. */
export function decodeBase64Url(text: string): Uint8Array<ArrayBuffer>;
