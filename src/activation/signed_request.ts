import { encodeBase64Url } from "@std/encoding/base64url";
import type { Sign } from "../signing/ecdsa.ts";

/** Headers of a signed request. */
export const MACHINE_ID_HEADER = "X-Sentinel-Machine-Id";
export const TIMESTAMP_HEADER = "X-Sentinel-Timestamp";
export const NONCE_HEADER = "X-Sentinel-Nonce";
export const SIGNATURE_HEADER = "X-Sentinel-Signature";

/** The name that a machine gives itself at an activation: percent-encoded UTF-8, unsigned, for people only. */
export const MACHINE_NAME_HEADER = "X-Sentinel-Machine-Name";

/** Signed identity of one request: `timestamp` is Unix seconds as text, `nonce` a UUID v4. */
export interface RequestStamp {
  readonly machineId: string;
  readonly timestamp: string;
  readonly nonce: string;
}

const UTF8 = new TextEncoder();

/** Encodes the bytes that a machine signs: `METHOD\nPATH\nTIMESTAMP\nNONCE\nSHA256_HEX(BODY)`. */
export function encodeSignedBytes(
  path: string,
  stamp: RequestStamp,
  bodySha256: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const lines = ["POST", path, stamp.timestamp, stamp.nonce, bodySha256.toHex()];
  return UTF8.encode(lines.join("\n"));
}

/** Signs a request with the machine's key; returns its headers. */
export async function signRequest(
  path: string,
  stamp: RequestStamp,
  { body, sign }: { body: Uint8Array<ArrayBuffer>; sign: Sign },
): Promise<Record<string, string>> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return {
    [MACHINE_ID_HEADER]: stamp.machineId,
    [TIMESTAMP_HEADER]: stamp.timestamp,
    [NONCE_HEADER]: stamp.nonce,
    [SIGNATURE_HEADER]: encodeBase64Url(await sign(encodeSignedBytes(path, stamp, digest))),
  };
}
