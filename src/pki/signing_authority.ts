import "reflect-metadata";
import {
  BasicConstraintsExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectKeyIdentifierExtension,
  X509Certificate,
} from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";
import { importPrivateKey, makeSigner, makeVerifier } from "../signing/ecdsa.ts";
import { decodePem } from "../signing/pem.ts";
import {
  createName,
  createValidity,
  makeKey,
  type RandomBytes,
  signCertificate,
  type Signer,
} from "./certificate.ts";
import { checkName } from "./holder.ts";

/** A trusted CA. */
export interface Authority {
  readonly certificate: X509Certificate;
  readonly key: CryptoKey;
}

/**
 * Reads the CA certificates of a PEM file.
 *
 * @throws {SentinelError} `config.tls` if there is none, or one is not a CA.
 */
export async function readAuthorities(pem: string): Promise<readonly Authority[]> {
  let authorities: Authority[];
  try {
    const certificates = PemConverter.decode(pem).map((der) => new X509Certificate(der));
    authorities = await Promise.all(certificates.map(async (certificate) => ({
      certificate,
      key: await certificate.publicKey.export(),
    })));
  } catch (error) {
    throw new SentinelError("config.tls", "CA cannot be used: it is no certificate (PEM)", {
      cause: error,
    });
  }
  if (authorities.length === 0) {
    throw new SentinelError("config.tls", "CA cannot be used: the file has no certificate");
  }
  for (const { certificate } of authorities) {
    if (!isAuthority(certificate)) {
      throw new SentinelError("config.tls", `CA cannot be used: no CA: ${certificate.subject}`);
    }
  }
  return authorities;
}

/** Whether a certificate may sign others (RFC 5280, 4.2.1.3 and 4.2.1.9). */
export function isAuthority(certificate: X509Certificate): boolean {
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages;
  return certificate.getExtension(BasicConstraintsExtension)?.ca === true &&
    (usages === undefined || (usages & KeyUsageFlags.keyCertSign) !== 0);
}

/** A CA with its private key. */
export interface SigningAuthority {
  readonly certificate: X509Certificate;
  readonly signer: Signer;
}

const DEFAULT_DAYS = 3650;

interface AuthorityTerms {
  readonly name: string;
  readonly days: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly randomBytes: RandomBytes;
}

/**
 * Creates a CA that may sign servers and clients, but no other CA (path length 0).
 *
 * @returns Its certificate and private key (PEM).
 *
 * @throws {SentinelError} `usage.name`.
 */
export async function makeAuthority(
  { name, days = DEFAULT_DAYS, nowMs, randomBytes }: AuthorityTerms,
): Promise<{ certificate: X509Certificate; keyPem: string }> {
  const subject = createName({ commonName: checkName(name) });
  const { publicKey, privateKey, pem } = await makeKey();
  const certificate = await signCertificate({
    subject,
    publicKey,
    randomBytes,
    ...createValidity(days, nowMs),
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    ],
  }, { name: subject, publicKey, privateKey });
  return { certificate, keyPem: pem };
}

/**
 * Opens a CA from the PEM of its certificate and key (PKCS#8, P-256).
 *
 * @throws {SentinelError} `config.tls` if it is not a CA, not valid now, or the key does not match.
 */
export async function openAuthority(
  { certificatePem, keyPem, nowMs }: { certificatePem: string; keyPem: string; nowMs: number },
): Promise<SigningAuthority> {
  const [authority, ...others] = await readAuthorities(certificatePem);
  if (others.length > 0) throw createRefusal("the file has several certificates");
  const { certificate, key } = authority!;
  if (nowMs < certificate.notBefore.getTime()) throw createRefusal("it is not valid yet");
  if (nowMs > certificate.notAfter.getTime()) throw createRefusal("it is expired");
  const der = decodePem(keyPem, "PRIVATE KEY");
  const privateKey = der && await importPrivateKey(der);
  der?.fill(0);
  if (privateKey === undefined) {
    throw createRefusal("its key is not a P-256 private key (PEM, PKCS#8)");
  }
  if (!await isKeyPair(privateKey, key)) throw createRefusal("certificate and key do not match");
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

async function isKeyPair(privateKey: CryptoKey, publicKey: CryptoKey): Promise<boolean> {
  const data = new TextEncoder().encode("whose key is this?");
  const signature = await makeSigner(privateKey)(data);
  return await makeVerifier(publicKey)(data, signature).catch(() => false);
}

function createRefusal(why: string): SentinelError {
  return new SentinelError("config.tls", `CA cannot be used: ${why}`);
}
