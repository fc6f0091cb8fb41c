// must precede @peculiar/x509
import "reflect-metadata";
import { type X509Certificate, X509Crl } from "@peculiar/x509";
import { SentinelError } from "../core/errors.ts";
import type { Authority } from "./signing_authority.ts";

/** A revocation list (RFC 5280, 5). */
export interface Revocations {
  /** Why the list rejects a certificate; `undefined` if it does not. */
  faultOf(certificate: X509Certificate, nowMs: number): string | undefined;
}

/**
 * Reads a revocation list (PEM). An outdated list rejects all certificates of its issuer; otherwise an attacker could withhold
 * a new list and keep using a revoked certificate.
 *
 * @throws {SentinelError} `config.tls` if it is malformed, partial, or not signed by one of the authorities.
 */
export async function readRevocations(
  pem: string,
  authorities: readonly Authority[],
): Promise<Revocations> {
  const list = parse(pem);
  if (!await isSigned(list, authorities)) {
    throw new SentinelError("config.tls", "revocation list is not signed by the CA");
  }
  // a partial or delta list (RFC 5280, 5.2.4 and 5.2.5) does not cover all certificates
  if (list.extensions.some(({ critical }) => critical)) {
    throw new SentinelError("config.tls", "revocation list cannot be used: it is only a part");
  }
  const serials = new Set(list.entries.map(({ serialNumber }) => normalize(serialNumber)));
  return {
    faultOf(certificate, nowMs) {
      if (certificate.issuer !== list.issuer) return undefined;
      if (list.nextUpdate !== undefined && nowMs > list.nextUpdate.getTime()) {
        return "revocation list is out of date";
      }
      return serials.has(normalize(certificate.serialNumber))
        ? "certificate is revoked"
        : undefined;
    },
  };
}

function parse(pem: string): X509Crl {
  try {
    return new X509Crl(pem);
  } catch (error) {
    throw new SentinelError("config.tls", "revocation list cannot be used: it is none (PEM)", {
      cause: error,
    });
  }
}

async function isSigned(list: X509Crl, authorities: readonly Authority[]): Promise<boolean> {
  for (const { certificate, key } of authorities) {
    if (list.issuer === certificate.subject && await list.verify({ publicKey: key })) return true;
  }
  return false;
}

function normalize(serialNumber: string): string {
  return serialNumber.toLowerCase().replace(/^0+/, "");
}
