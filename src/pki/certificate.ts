import "reflect-metadata";
import {
  AuthorityKeyIdentifierExtension,
  type Extension,
  Name,
  PublicKey,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from "@peculiar/x509";
import { generateKeyPairDer, importPrivateKey } from "../signing/ecdsa.ts";
import { encodePem } from "../signing/pem.ts";

/** Returns cryptographically secure random bytes. */
export type RandomBytes = (length: number) => Uint8Array;

/** Content of a certificate. */
export interface CertificateTerms {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly randomBytes: RandomBytes;
  /** Extensions besides the key identifiers, which are always added. */
  readonly extensions: readonly Extension[];
}

/** Issuer of a certificate: a CA, or the new CA itself. */
export interface Signer {
  readonly name: Name;
  readonly publicKey: PublicKey;
  /** Key identifier (hexadecimal), if its own certificate has one. */
  readonly keyId?: string | undefined;
  readonly privateKey: CryptoKey;
}

/** 128 random bits make serial numbers unpredictable and unique without a list. */
const SERIAL_BYTES = 16;

/** Signs a certificate (ECDSA with P-256 and SHA-256). */
export async function signCertificate(
  terms: CertificateTerms,
  signer: Signer,
): Promise<X509Certificate> {
  return await X509CertificateGenerator.create({
    serialNumber: terms.randomBytes(SERIAL_BYTES).toHex(),
    subject: terms.subject,
    issuer: signer.name,
    notBefore: terms.notBefore,
    notAfter: terms.notAfter,
    publicKey: terms.publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
    extensions: [
      ...terms.extensions,
      await SubjectKeyIdentifierExtension.create(terms.publicKey),
      signer.keyId === undefined
        ? await AuthorityKeyIdentifierExtension.create(signer.publicKey)
        : new AuthorityKeyIdentifierExtension(signer.keyId),
    ],
  });
}

/** Creates a distinguished name; does not parse the values. */
export function createName(
  { commonName, unit }: { commonName: string; unit?: string | undefined },
): Name {
  return new Name([
    { CN: [{ utf8String: commonName }] },
    ...(unit === undefined ? [] : [{ OU: [{ utf8String: unit }] }]),
  ]);
}

/** PEM of a certificate, with a final newline. */
export function encodeCertificate(certificate: X509Certificate): string {
  return certificate.toString("pem") + "\n";
}

/** A new P-256 key pair. */
interface MadeKey {
  readonly publicKey: PublicKey;
  readonly privateKey: CryptoKey;
  /** The private key, PKCS#8. */
  readonly pem: string;
}

export async function makeKey(): Promise<MadeKey> {
  const { publicKey, privateKey } = await generateKeyPairDer();
  try {
    return {
      publicKey: new PublicKey(publicKey),
      privateKey: (await importPrivateKey(privateKey))!,
      pem: encodePem(privateKey, "PRIVATE KEY"),
    };
  } finally {
    privateKey.fill(0);
  }
}

const DAY_MS = 86_400_000;
/** Allows for peers with slow clocks. */
const BACKDATE_MS = 5 * 60_000;

/** Validity period of a certificate, in whole seconds. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** A validity period from {@linkcode BACKDATE_MS} ago until `days` from now. */
export function createValidity(days: number, nowMs: number): Validity {
  return {
    notBefore: toSecond(nowMs - BACKDATE_MS),
    notAfter: toSecond(nowMs + days * DAY_MS),
  };
}

function toSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
