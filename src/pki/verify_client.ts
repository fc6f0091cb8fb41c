// must precede @peculiar/x509
import "reflect-metadata";
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate,
} from "@peculiar/x509";
import { LruCache } from "../core/lru_cache.ts";
import { type Authority, isAuthority, readAuthorities } from "./signing_authority.ts";
import type { Role } from "./holder.ts";
import { readRevocations, type Revocations } from "./revocations.ts";

/** Result of verifying a client's certificate. */
export type ClientVerdict =
  | { readonly kind: "accepted"; readonly cn: string; readonly role: Role }
  | { readonly kind: "refused"; readonly why: string };

interface ClientVerifierOptions {
  /** One or more CA certificates (PEM). */
  readonly certificateAuthority: string;
  /** PEM, signed by one of the CAs. */
  readonly revocationList?: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly nowMs: () => number;
}

/** RFC 5280, 4.2.1.12: id-kp-clientAuth. */
const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";

/** Critical extensions that we check or that do not matter here: constraints, usages, names (RFC 5280, 4.2.1). */
const UNDERSTOOD = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.37"];

/** Most intermediate certificates. */
const MAX_BETWEEN = 3;

/** Most verified paths to cache. */
const MAX_VERIFIED = 256;

/**
 * Creates a verifier of a client's certificates (DER, its own first): checks the chain to the CA, dates, usage, revocation,
 * and that there is exactly one CN and one OU, `observe` or `control`.
 *
 * @throws {SentinelError} `config.tls` if the CA or the revocation list cannot be used.
 */
export async function createClientVerifier(
  { certificateAuthority, revocationList, nowMs }: ClientVerifierOptions,
): Promise<(chain: readonly Uint8Array[]) => Promise<ClientVerdict>> {
  const authorities = await readAuthorities(certificateAuthority);
  const revocations = revocationList === undefined
    ? undefined
    : await readRevocations(revocationList, authorities);
  const paths = new VerifiedPaths(authorities);
  return async (chain) => {
    const found = await paths.find(chain);
    if (typeof found === "string") return { kind: "refused", why: found };
    const why = findPathFault(found, { revocations, nowMs: nowMs() });
    return why === undefined ? readIdentity(found[0]) : { kind: "refused", why };
  };
}

/** The client's certificate, intermediate certificates, the CA's certificate. */
type Path = readonly [X509Certificate, ...X509Certificate[]];

/** Caches paths with verified signatures, which stay valid, since clients reconnect. */
class VerifiedPaths {
  readonly #verified = new LruCache<string, Path>(MAX_VERIFIED);

  constructor(readonly authorities: readonly Authority[]) {}

  /** Finds the path from the client's certificate, the first of the chain, to a CA, or returns why there is none. */
  async find(chain: readonly Uint8Array[]): Promise<Path | string> {
    const key = await digestOf(chain);
    const known = this.#verified.get(key);
    if (known !== undefined) return known;
    const [leaf, ...others] = chain.slice(0, 1 + MAX_BETWEEN + 1).map(parse);
    if (leaf === undefined) return "certificate cannot be read";
    const found = findUseFault(leaf) ?? await findPath(leaf, others, this.authorities);
    if (typeof found !== "string") this.#verified.set(key, found);
    return found;
  }
}

/** Key of a chain in the cache; depends on the certificates and their order. */
async function digestOf(chain: readonly Uint8Array[]): Promise<string> {
  const digests = await Promise.all(
    chain.map((der) => crypto.subtle.digest("SHA-256", new Uint8Array(der))),
  );
  return digests.map((digest) => new Uint8Array(digest).toHex()).join(" ");
}

/** Follows the issuers up to a CA. */
async function findPath(
  leaf: X509Certificate,
  others: readonly (X509Certificate | undefined)[],
  authorities: readonly Authority[],
): Promise<Path | string> {
  const path: [X509Certificate, ...X509Certificate[]] = [leaf];
  let certificate = leaf;
  for (let between = 0; between <= MAX_BETWEEN; between++) {
    for (const { certificate: authority, key } of authorities) {
      if (!allows(authority, between)) continue;
      if (await isSignedBy(certificate, authority, key)) return [...path, authority];
    }
    let issuer: X509Certificate | undefined;
    for (const other of others) {
      if (other === undefined || !isAuthority(other) || !allows(other, between)) continue;
      if (await isSignedBy(certificate, other)) {
        issuer = other;
        break;
      }
    }
    if (issuer === undefined || issuer.equal(certificate)) return "not signed by the CA";
    path.push(issuer);
    certificate = issuer;
  }
  return "chain is too long";
}

/** Checks dates and revocation, which may change between connections, and extensions. */
function findPathFault(
  path: Path,
  { revocations, nowMs }: { revocations: Revocations | undefined; nowMs: number },
): string | undefined {
  for (const certificate of path) {
    const isAuthoritys = certificate === path.at(-1);
    const fault = isAuthoritys
      ? findValidityFault(certificate, nowMs)
      : findExtensionFault(certificate) ?? findValidityFault(certificate, nowMs) ??
        revocations?.faultOf(certificate, nowMs);
    if (fault !== undefined) return fault;
  }
  return undefined;
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

/** Whether the CA's path length allows so many intermediate CAs (RFC 5280, 4.2.1.9). */
function allows(authority: X509Certificate, between: number): boolean {
  return between <= (authority.getExtension(BasicConstraintsExtension)?.pathLength ?? Infinity);
}

/** Unknown critical extensions, such as name constraints, must be rejected (RFC 5280, 4.2). */
function findExtensionFault({ extensions }: X509Certificate): string | undefined {
  const strange = extensions.find(({ critical, type }) => critical && !UNDERSTOOD.includes(type));
  return strange && `certificate has a critical extension that is not understood: ${strange.type}`;
}

function findValidityFault(
  { notBefore, notAfter }: X509Certificate,
  nowMs: number,
): string | undefined {
  if (nowMs < notBefore.getTime()) return "certificate is not valid yet";
  return nowMs > notAfter.getTime() ? "certificate is expired" : undefined;
}

function findUseFault(leaf: X509Certificate): string | undefined {
  const extended = leaf.getExtension(ExtendedKeyUsageExtension)?.usages ?? [];
  const usages = leaf.getExtension(KeyUsagesExtension)?.usages ?? KeyUsageFlags.digitalSignature;
  if (!extended.map(String).includes(CLIENT_AUTH)) return "certificate is not for clients";
  if ((usages & KeyUsageFlags.digitalSignature) === 0) return "certificate is not for signatures";
  return isAuthority(leaf) ? "certificate is a CA's" : undefined;
}

function readIdentity(leaf: X509Certificate): ClientVerdict {
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
