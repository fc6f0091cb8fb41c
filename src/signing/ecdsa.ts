import { derToP1363, p1363ToDer } from "./der_signature.ts";
import { decodePem, encodePem } from "./pem.ts";

/** Makes the DER signature (ECDSA-P256-SHA256) of some bytes; holds the private key. */
export type Sign = (data: Uint8Array<ArrayBuffer>) => Promise<Uint8Array<ArrayBuffer>>;

/** Whether a DER signature is the key's over these bytes; false for whatever is broken, never an error. */
export type Verify = (data: Uint8Array<ArrayBuffer>, der: Uint8Array) => Promise<boolean>;

const P256 = { name: "ECDSA", namedCurve: "P-256" } as const;
const ES256 = { name: "ECDSA", hash: "SHA-256" } as const;

/** A public key from PEM (SubjectPublicKeyInfo, P-256), or `undefined` where it is anything else. */
export async function importPublicKeyPem(pem: string): Promise<CryptoKey | undefined> {
  const der = decodePem(pem, "PUBLIC KEY");
  if (der === undefined) return undefined;
  return await crypto.subtle.importKey("spki", der, P256, true, ["verify"]).catch(() => undefined);
}

/**
 * A private key from PKCS#8 DER (P-256) as a non-extractable key object, or `undefined` where it is anything else.
 *
 * @param der Stays the caller's, who wipes it.
 */
export function importPrivateKey(der: Uint8Array<ArrayBuffer>): Promise<CryptoKey | undefined> {
  return crypto.subtle.importKey("pkcs8", der, P256, false, ["sign"]).catch(() => undefined);
}

/** A new key pair as DER: `privateKey` PKCS#8 (the caller wipes it), `publicKey` SubjectPublicKeyInfo. */
export async function generateKeyPairDer(): Promise<
  { privateKey: Uint8Array<ArrayBuffer>; publicKey: Uint8Array<ArrayBuffer> }
> {
  const pair = await crypto.subtle.generateKey(P256, true, ["sign", "verify"]);
  return {
    privateKey: new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey)),
    publicKey: new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey)),
  };
}

/** PEM (SubjectPublicKeyInfo) of an extractable public key. */
export async function exportPublicKeyPem(key: CryptoKey): Promise<string> {
  return encodePem(new Uint8Array(await crypto.subtle.exportKey("spki", key)), "PUBLIC KEY");
}

export function signerOf(privateKey: CryptoKey): Sign {
  return async (data) =>
    p1363ToDer(new Uint8Array(await crypto.subtle.sign(ES256, privateKey, data)));
}

export function verifierOf(publicKey: CryptoKey): Verify {
  return async (data, der) => {
    const raw = derToP1363(der);
    return raw !== undefined && await crypto.subtle.verify(ES256, publicKey, raw, data);
  };
}
