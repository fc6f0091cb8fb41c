import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { decodeUtf8 } from "../core/strict_json.ts";
import { canonicalJson, type Json } from "./canonical_json.ts";
import type { Sign, Verify } from "./ecdsa.ts";

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

/** What is signed and how: `payload` is base64url of canonical JSON, `sig` base64url of the DER signature over it. */
export interface Envelope {
  readonly payload: string;
  readonly sig: string;
}

const UTF8 = new TextEncoder();

/** Signs a value: the signature is over the ASCII bytes of the `payload` string. */
export async function sealEnvelope(value: Json, sign: Sign): Promise<Envelope> {
  const payload = encodeBase64Url(canonicalJson(value));
  return { payload, sig: encodeBase64Url(await sign(UTF8.encode(payload))) };
}

/** Whether the envelope's signature is the key's; the payload is not looked into. */
export async function isEnvelopeGenuine(envelope: Envelope, verify: Verify): Promise<boolean> {
  const der = decodeStrictBase64Url(envelope.sig);
  return der !== undefined && await verify(UTF8.encode(envelope.payload), der);
}

/** The JSON text in a (genuine) envelope's payload, or `undefined` where it is not base64url of UTF-8. */
export function readPayload(envelope: Envelope): string | undefined {
  const bytes = decodeStrictBase64Url(envelope.payload);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}
