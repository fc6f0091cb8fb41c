import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import { decodeUtf8 } from "../core/strict_json.ts";
import { encodeCanonicalJson, type Json } from "./canonical_json.ts";
import type { Sign, Verify } from "./ecdsa.ts";

export { encodeBase64Url };

const ALPHABET = /^[A-Za-z0-9_-]*$/;

/**
 * Decodes base64url without padding (RFC 4648 section 5). Returns `undefined` for any but the canonical encoding (padding,
 * white space, or set bits after the last byte), so that no two texts decode to the same bytes.
 */
export function decodeStrictBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return undefined;
  const bytes = decodeBase64Url(text);
  const tail = text.length % 4;
  return tail === 0 || encodeBase64Url(bytes.subarray(-(tail - 1))) === text.slice(-tail)
    ? bytes
    : undefined;
}

/** A signed value: `payload` is base64url of canonical JSON, `sig` base64url of the DER signature over `payload`. */
export interface Envelope {
  readonly payload: string;
  readonly sig: string;
}

const UTF8 = new TextEncoder();

/** Signs a value; the signature covers the ASCII bytes of the `payload` string. */
export async function sealEnvelope(value: Json, sign: Sign): Promise<Envelope> {
  const payload = encodeBase64Url(encodeCanonicalJson(value));
  return { payload, sig: encodeBase64Url(await sign(UTF8.encode(payload))) };
}

/** Whether the signature verifies; does not decode the payload. */
export async function isEnvelopeGenuine(envelope: Envelope, verify: Verify): Promise<boolean> {
  const der = decodeStrictBase64Url(envelope.sig);
  return der !== undefined && await verify(UTF8.encode(envelope.payload), der);
}

/** Decodes the payload's JSON text; `undefined` unless it is base64url of UTF-8. Does not verify the signature. */
export function readPayload(envelope: Envelope): string | undefined {
  const bytes = decodeStrictBase64Url(envelope.payload);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}
