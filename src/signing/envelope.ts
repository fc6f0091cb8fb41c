import { decodeUtf8 } from "../core/strict_json.ts";
import { decodeStrictBase64Url, encodeBase64Url } from "./base64url.ts";
import { canonicalJson, type Json } from "./canonical_json.ts";
import type { Sign, Verify } from "./ecdsa.ts";

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
