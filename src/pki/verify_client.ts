// before the library, which needs it
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
} from "@peculiar/x509";
import { type Authority, readAuthorities } from "./authorities.ts";
import { readRevocations, type Revocations } from "./revocations.ts";

/** What is decided about a client's certificate. */
export type ClientVerdict =
  | { readonly kind: "accepted"; readonly cn: string; readonly role: "observe" | "control" }
  | { readonly kind: "refused"; readonly why: string };

export interface ClientVerifierOptions {
  /** PEM, one or several. */
  readonly certificateAuthority: string;
  /** PEM, signed by one of them. */
  readonly revocationList?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** RFC 5280, 4.2.1.12: id-kp-clientAuth. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Certificates between the client's and the CA's, at most. */
const MAX_BETWEEN = 3;

/**
 * Judges the certificates that a client shows, its own first (DER): a chain of signatures to the CA, dates, usage, whether
 * one was revoked, and exactly one CN and one OU, `observe` or `control`.
 *
 * @throws {SentinelError} `config.tls` where CA or list cannot be used.
 */
export async function clientVerifier(
  { certificateAuthority, revocationList, nowMs }: ClientVerifierOptions,
): Promise<(chain: readonly Uint8Array[]) => Promise<ClientVerdict>> {
  const authorities = await readAuthorities(certificateAuthority);
  const revocations = revocationList === undefined
    ? undefined
    : await readRevocations(revocationList, authorities);
  return (chain) => judge(chain, { authorities, revocations, nowMs: nowMs() });
}

interface Grounds {
  readonly authorities: readonly Authority[];
  readonly revocations: Revocations | undefined;
  readonly nowMs: number;
}

async function judge(chain: readonly Uint8Array[], grounds: Grounds): Promise<ClientVerdict> {
  const [leaf, ...others] = chain.slice(0, 1 + MAX_BETWEEN + 1).map(parse);
  const why = leaf === undefined
    ? "certificate cannot be read"
    : faultOfUse(leaf) ?? await faultOfChain(leaf, others, grounds);
  return why === undefined ? nameOf(leaf!) : { kind: "refused", why };
}

/** Follows the issuers up to an authority. */
async function faultOfChain(
  leaf: X509Certificate,
  others: readonly (X509Certificate | undefined)[],
  { authorities, revocations, nowMs }: Grounds,
): Promise<string | undefined> {
  let certificate = leaf;
  for (let between = 0; between <= MAX_BETWEEN; between++) {
    const fault = faultOfDates(certificate, nowMs) ?? revocations?.faultOf(certificate, nowMs);
    if (fault !== undefined) return fault;
    for (const { certificate: authority, key } of authorities) {
      if (await isSignedBy(certificate, authority, key)) return faultOfDates(authority, nowMs);
    }
    let issuer: X509Certificate | undefined;
    for (const other of others) {
      if (other !== undefined && isAuthority(other) && await isSignedBy(certificate, other)) {
        issuer = other;
        break;
      }
    }
    if (issuer === undefined || issuer.equal(certificate)) return "not signed by the CA";
    certificate = issuer;
  }
  return "chain is too long";
}

async function isSignedBy(
  certificate: X509Certificate,
  issuer: X509Certificate,
  key?: CryptoKey,
): Promise<boolean> {
  if (certificate.issuer !== issuer.subject) return false;
  try {
    const publicKey = key ?? await issuer.publicKey.export();
    return await certificate.verify({ publicKey, signatureOnly: true });
  } catch {
    return false;
  }
}

function isAuthority(certificate: X509Certificate): boolean {
  const usages = certificate.getExtension(KeyUsagesExtension)?.usages;
  return certificate.getExtension(BasicConstraintsExtension)?.ca === true &&
    (usages === undefined || (usages & KeyUsageFlags.keyCertSign) !== 0);
}

function faultOfDates(
  { notBefore, notAfter }: X509Certificate,
  nowMs: number,
): string | undefined {
  if (nowMs < notBefore.getTime()) return "certificate is not valid yet";
  return nowMs > notAfter.getTime() ? "certificate is expired" : undefined;
}

function faultOfUse(leaf: X509Certificate): string | undefined {
  const extended = leaf.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
  const usages = leaf.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.digitalSignature;
  if (!extended.map(String).includes(CLIENT_AUTH)) return "certificate is not for clients";
  if ((usages & KeyUsageFlags.digitalSignature) === 0) return "certificate is not for signatures";
  return isAuthority(leaf) ? "certificate is a CA's" : undefined;
}

function nameOf(leaf: X509Certificate): ClientVerdict {
  const [cn, ...otherNames] = leaf.subjectName.getField("CN");
  const [unit, ...otherUnits] = leaf.subjectName.getField("OU");
  if (cn === undefined || otherNames.length > 0) {
    return { kind: "refused", why: "certificate has not exactly one CN" };
  }
  if (otherUnits.length > 0 || (unit !== "observe" && unit !== "control")) {
    return { kind: "refused", why: "certificate has not exactly one OU, observe or control" };
  }
  return { kind: "accepted", cn, role: unit };
}

function parse(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der.slice());
  } catch {
    return undefined;
  }
}
