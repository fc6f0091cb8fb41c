// before the library, which needs it
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectKeyIdentifierExtension,
  type X509Certificate,
} from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";
import { importPrivateKey, signerOf, verifierOf } from "../signing/ecdsa.ts";
import { decodePem } from "../signing/pem.ts";
import { readAuthorities } from "./authorities.ts";
import {
  distinguishedName,
  type RandomBytes,
  signCertificate,
  type Signer,
} from "./certificate.ts";
import { checkName } from "./holder.ts";
import { makeKey } from "./key.ts";
import { validityOf } from "./validity.ts";

/** A CA that can sign. */
export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly signer: Signer;
}

/** Years of trust, where servers and clients get months. */
const DEFAULT_DAYS = 3650;

export interface AuthorityTerms {
  readonly name: string;
  readonly days: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly randomBytes: RandomBytes;
}

/**
 * Makes a CA that signs servers and clients, and no other CA (path length 0): its certificate, and its key (PEM).
 *
 * @throws {SentinelError} `usage.name`.
 */
export async function makeAuthority(
  { name, days = DEFAULT_DAYS, nowMs, randomBytes }: AuthorityTerms,
): Promise<{ certificate: X509Certificate; keyPem: string }> {
  const subject = distinguishedName({ commonName: checkName(name) });
  const { publicKey, privateKey, pem } = await makeKey();
  const certificate = await signCertificate({
    subject,
    publicKey,
    randomBytes,
    ...validityOf(days, nowMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  }, { name: subject, publicKey, privateKey });
  return { certificate, keyPem: pem };
}

/**
 * A CA from the PEM of its certificate and key (PKCS#8, P-256).
 *
 * @throws {SentinelError} `config.tls` where it cannot sign: no CA, not valid now, or another's key.
 */
export async function openAuthority(
  { certificatePem, keyPem, nowMs }: { certificatePem: string; keyPem: string; nowMs: number },
): Promise<SigningAuthority> {
  const [authority, ...others] = await readAuthorities(certificatePem);
  if (others.length > 0) throw refused("the file has several certificates");
  const { certificate, key } = authority!;
  if (nowMs < certificate.notBefore.getTime()) throw refused("it is not valid yet");
  if (nowMs > certificate.notAfter.getTime()) throw refused("it is expired");
  const der = decodePem(keyPem, "PRIVATE KEY");
  const privateKey = der && await importPrivateKey(der);
  der?.fill(0);
  if (privateKey === undefined) throw refused("its key is not a P-256 private key (PEM, PKCS#8)");
  if (!await belongTogether(privateKey, key)) throw refused("certificate and key do not match");
  return {
    certificate,
    signer: {
      name: certificate.subjectName,
      publicKey: certificate.publicKey,
      keyId: certificate.getExtension(SubjectKeyIdentifierExtension)?.keyId,
      privateKey,
    },
  };
}

async function belongTogether(privateKey: CryptoKey, publicKey: CryptoKey): Promise<boolean> {
  const data = new TextEncoder().encode("whose key is this?");
  const signature = await signerOf(privateKey)(data);
  return await verifierOf(publicKey)(data, signature).catch(() => false);
}

function refused(why: string): SentinelError {
  return new SentinelError("config.tls", `CA cannot be used: ${why}`);
}
