// before the library, which needs it
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
import { distinguishedName, type RandomBytes, signCertificate } from "./certificate.ts";
import type { Holder } from "./holder.ts";
import type { SigningAuthority } from "./signing_authority.ts";
import { type Validity, validityOf } from "./certificate.ts";

/** A quarter of a year: what was stolen does not count for long. */
const DEFAULT_DAYS = 90;

export interface IssueTerms {
  readonly holder: Holder;
  readonly publicKey: PublicKey;
  /** Without them the usual time, or until the CA ends. */
  readonly days: number | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: number;
  readonly randomBytes: RandomBytes;
}

/**
 * Signs a server's or a client's certificate. What the holder is not granted is not in it.
 *
 * @throws {SentinelError} `usage.days` where it would outlive the CA.
 */
export async function issueCertificate(
  { certificate: { notAfter }, signer }: SigningAuthority,
  { holder, publicKey, days, nowMs, randomBytes }: IssueTerms,
): Promise<X509Certificate> {
  const usage = holder.kind === "server" ? "serverAuth" : "clientAuth";
  const names = holder.hosts.map(({ type, value }) => ({ type, value }));
  return await signCertificate({
    subject: distinguishedName({ commonName: holder.name, unit: holder.role }),
    publicKey,
    randomBytes,
    ...withinAuthority(validityOf(days ?? DEFAULT_DAYS, nowMs), {
      notAfter,
      isAsked: days !== undefined,
    }),
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage[usage]]),
      ...(names.length > 0 ? [new SubjectAlternativeNameExtension(names)] : []),
    ],
  }, signer);
}

/** What outlives its CA is refused by everybody from one day to the next, to their surprise. */
function withinAuthority(
  validity: Validity,
  { notAfter, isAsked }: { notAfter: Date; isAsked: boolean },
): Validity {
  if (validity.notAfter <= notAfter) return validity;
  if (!isAsked) return { ...validity, notAfter };
  const end = notAfter.toISOString().slice(0, 10);
  throw new SentinelError(
    "usage.days",
    `a certificate cannot outlive its CA, which ends on ${end}`,
  );
}
