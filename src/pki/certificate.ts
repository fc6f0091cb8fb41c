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

// before the library, which needs it

/** Random bytes that nobody can foresee. */
export type RandomBytes = (length: number) => Uint8Array;

/** What every certificate has. */
export interface CertificateTerms {
  readonly subject: Name;
  readonly publicKey: PublicKey;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly randomBytes: RandomBytes;
  /** Besides the keys' identifiers, which every certificate has. */
  readonly extensions: readonly Extension[];
}

/** Who signs a certificate: a CA, or the new CA itself. */
export interface Signer {
  readonly name: Name;
  readonly publicKey: PublicKey;
  /** Identifier of its key (hexadecimal), where its own certificate has one. */
  readonly keyId?: string | undefined;
  readonly privateKey: CryptoKey;
}

/** 128 bits: serial numbers are neither guessed nor drawn twice, without a list of those given. */
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

/** A distinguished name whose values are taken as they are, whatever they look like. */
export function distinguishedName(
  { commonName, unit }: { commonName: string; unit?: string | undefined },
): Name {
  return new Name([
    { CN: [{ utf8String: commonName }] },
    ...(unit === undefined ? [] : [{ OU: [{ utf8String: unit }] }]),
  ]);
}

/** PEM of a certificate, with a newline at its end. */
export function pemOf(certificate: X509Certificate): string {
  return certificate.toString("pem") + "\n";
}

// before the library, which needs it

/** A new P-256 key. */
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
/** For clocks that are behind ours. */
const BACKDATE_MS = 5 * 60_000;

/** Since when and until when a certificate counts, both to the second, as certificates tell time. */
export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** From a little before now, so many days. */
export function validityOf(days: number, nowMs: number): Validity {
  return {
    notBefore: toSecond(nowMs - BACKDATE_MS),
    notAfter: toSecond(nowMs + days * DAY_MS),
  };
}

function toSecond(ms: number): Date {
  return new Date(Math.floor(ms / 1000) * 1000);
}
