import { issueCertificate, type IssueTerms } from "../../src/pki/issue.ts";
import { encodeCertificate } from "../../src/pki/certificate.ts";
import { makeKey } from "../../src/pki/certificate.ts";
import {
  makeAuthority,
  openAuthority,
  type SigningAuthority,
} from "../../src/pki/signing_authority.ts";
import type { X509Certificate } from "@peculiar/x509";

/** When the tests' certificates are made. */
export const NOW_MS = Date.parse("2030-06-01T12:00:00.789Z");

export const DAY_MS = 86_400_000;

export const randomBytes = (length: number): Uint8Array =>
  crypto.getRandomValues(new Uint8Array(length));

/** A CA of our own making, and its PEM. */
export interface MadeAuthority {
  readonly authority: SigningAuthority;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export async function madeAuthority(
  { name = "test CA", days = 1000 }: { name?: string; days?: number } = {},
): Promise<MadeAuthority> {
  const { certificate, keyPem } = await makeAuthority({ name, days, nowMs: NOW_MS, randomBytes });
  const certificatePem = encodeCertificate(certificate);
  const authority = await openAuthority({ certificatePem, keyPem, nowMs: NOW_MS });
  return { authority, certificatePem, keyPem };
}

/** A certificate that the CA signs at `NOW_MS` for a new key. */
export async function issued(
  { authority }: MadeAuthority,
  { holder, days }: Pick<IssueTerms, "holder"> & { days?: number },
): Promise<X509Certificate> {
  const { publicKey } = await makeKey();
  const terms = { holder, publicKey, days, nowMs: NOW_MS, randomBytes };
  return await issueCertificate(authority, terms);
}
