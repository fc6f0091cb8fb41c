import { decodePem, encodePem } from "./pem.ts";

/** Bytes of one coordinate of P-256. */
const COORDINATE_BYTES = 32;

const SEQUENCE = 0x30, INTEGER = 0x02;

/**
 * Converts an ECDSA-P256 signature from DER (RFC 3279 section 2.2.3, `SEQUENCE { INTEGER r, INTEGER s }`) to P1363 (r‖s, 64
 * bytes). Returns `undefined` unless the encoding is minimal: no long-form lengths, padding zeros, negative or empty
 * integers, trailing bytes.
 */
export function decodeSignature(der: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
  if (der.length < 8 || der[0] !== SEQUENCE || der[1] !== der.length - 2) return undefined;
  const raw = new Uint8Array(2 * COORDINATE_BYTES);
  const middle = readInteger(der, 2, raw.subarray(0, COORDINATE_BYTES));
  if (middle === undefined) return undefined;
  const end = readInteger(der, middle, raw.subarray(COORDINATE_BYTES));
  return end === der.length ? raw : undefined;
}

/** Writes the integer at `start` right-aligned into `target`; returns the offset of the next element. */
function readInteger(der: Uint8Array, start: number, target: Uint8Array): number | undefined {
  const length = der[start + 1];
  if (der[start] !== INTEGER || length === undefined || length === 0) return undefined;
  const end = start + 2 + length;
  if (end > der.length) return undefined;
  const first = der[start + 2]!, second = der[start + 3];
  if (first >= 0x80) return undefined;
  if (first === 0 && length > 1 && second! < 0x80) return undefined;
  const digits = der.subarray(first === 0 ? start + 3 : start + 2, end);
  if (digits.length > target.length) return undefined;
  target.set(digits, target.length - digits.length);
  return end;
}

/** Inverse of {@linkcode decodeSignature}; `raw` is r‖s, 64 bytes. */
export function encodeSignature(raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const r = encodeInteger(raw.subarray(0, COORDINATE_BYTES));
  const s = encodeInteger(raw.subarray(COORDINATE_BYTES));
  return Uint8Array.of(SEQUENCE, r.length + s.length, ...r, ...s);
}

function encodeInteger(coordinate: Uint8Array): number[] {
  let start = 0;
  while (start < coordinate.length - 1 && coordinate[start] === 0) start++;
  const digits = [...coordinate.subarray(start)];
  if (digits[0]! >= 0x80) digits.unshift(0);
  return [INTEGER, digits.length, ...digits];
}

/** Signs bytes (ECDSA-P256-SHA256); returns the signature in DER. */
export type Sign = (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

/** Verifies a DER signature over bytes. Resolves to false for a malformed signature; does not reject. */
export type Verify = (data: Uint8Array<ArrayBuffer>, der: Uint8Array) => Promise<boolean>;

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const ES256 = { name: "ECDSA", hash: "SHA-256" } as const;

/** Imports a public key (PEM, SubjectPublicKeyInfo, P-256); `undefined` for anything else. */
export async function importPublicKeyPem(pem: string): Promise<CryptoKey | undefined> {
  const der = decodePem(pem, "PUBLIC KEY");
  if (der === undefined) return undefined;
  return await crypto.subtle.importKey("spki", der, P256, true, ["verify"]).catch(() => undefined);
}

/**
 * Imports a private key (PKCS#8 DER, P-256) as non-extractable; `undefined` for anything else.
 *
 * @param der Stays the caller's, which wipes it.
 */
export function importPrivateKey(der: Uint8Array<ArrayBuffer>): Promise<CryptoKey | undefined> {
  return crypto.subtle.importKey("pkcs8", der, P256, false, ["sign"]).catch(() => undefined);
}

/** Generates a key pair as DER: `privateKey` PKCS#8 (the caller wipes it), `publicKey` SubjectPublicKeyInfo. */
export async function generateKeyPairDer(): Promise<
  { privateKey: Uint8Array<ArrayBuffer>; publicKey: Uint8Array<ArrayBuffer> }
> {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  return {
    privateKey: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    publicKey: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
  };
}

/** Exports an extractable public key as PEM (SubjectPublicKeyInfo). */
export async function exportPublicKeyPem(key: CryptoKey): Promise<string> {
  return encodePem(new Uint8Array(await crypto.subtle.exportKey("spki", key)), "PUBLIC KEY");
}

export function makeSigner(privateKey: CryptoKey): Sign {
  return async (data) =>
    encodeSignature(new Uint8Array(await crypto.subtle.sign(ES256, privateKey, data)));
}

export function makeVerifier(publicKey: CryptoKey): Verify {
  return async (data, der) => {
    const raw = decodeSignature(der);
    return raw !== undefined && await crypto.subtle.verify(ES256, publicKey, raw, data);
  };
}
