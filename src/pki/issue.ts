// must precede @peculiar/x509
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type PublicKey,
  SubjectAlternativeNameExtension,
  type X509Certificate,
} from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";
import { createName, type RandomBytes, signCertificate } from "./certificate.ts";
import type { Holder } from "./holder.ts";
import type { SigningAuthority } from "./signing_authority.ts";
import { createValidity, type Validity } from "./certificate.ts";

/** A short validity limits the use of a stolen key. */
const DEFAULT_DAYS = 90;

export interface IssueTerms {
  readonly holder: Holder;
  readonly publicKey: PublicKey;
  /** Default: {@linkcode DEFAULT_DAYS}, at most until the CA expires. */
  readonly days: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly randomBytes: RandomBytes;
}

/**
 * Issues a server or client certificate that grants what the holder has and nothing else.
 *
 * @throws {SentinelError} `usage.days` if it would outlive the CA.
 */
export async function issueCertificate(
  { certificate: { notAfter }, signer }: SigningAuthority,
  { holder, publicKey, days, nowMs, randomBytes }: IssueTerms,
): Promise<X509Certificate> {
  const usage = holder.kind === "server" ? "serverAuth" : "clientAuth";
  const names = holder.hosts.map(({ type, value }) => ({ type, value }));
  return await signCertificate({
    subject: createName({ commonName: holder.name, unit: holder.role }),
    publicKey,
    randomBytes,
    ...limitToAuthority(createValidity(days ?? DEFAULT_DAYS, nowMs), {
      notAfter,
      isExplicit: days !== undefined,
    }),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]]),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  }, signer);
}

/** Keeps a certificate from outliving its CA, upon whose expiry all peers would suddenly reject it. */
function limitToAuthority(
  validity: Validity,
  { notAfter, isExplicit }: { notAfter: Date; isExplicit: boolean },
): Validity {
  if (validity.notAfter <= notAfter) return validity;
  if (!isExplicit) return { ...validity, notAfter };
  const end = notAfter.toISOString().slice(0, 10);
  throw new SentinelError(
    "usage.days",
    `a certificate cannot outlive its CA, which ends on ${end} UTC`,
  );
}
