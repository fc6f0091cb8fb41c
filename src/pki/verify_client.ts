import { X509Certificate } from "node:crypto";

/** What is decided about a client's certificate. */
export type ClientVerdict =
  | { readonly kind: "accepted"; readonly cn: string; readonly role: "observe" | "control" }
  | { readonly kind: "refused"; readonly why: string };

/** Judges clients' certificates that the CA itself signed; usage is left to the handshake. */
export function clientVerifier(
  certificateAuthority: string,
  { nowMs }: { nowMs: () => number },
): (chain: readonly Uint8Array[]) => Promise<ClientVerdict> {
  const authority = new X509Certificate(certificateAuthority);
  return ([leaf]) => Promise.resolve(judge(leaf!, authority, nowMs()));
}

function judge(leaf: Uint8Array, authority: X509Certificate, nowMs: number): ClientVerdict {
  const certificate = new X509Certificate(leaf);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    return { kind: "refused", why: "not signed by the CA" };
  }
  const { validFrom, validTo } = certificate;
  if (nowMs < Date.parse(validFrom)) return { kind: "refused", why: "not valid yet" };
  if (nowMs > Date.parse(validTo)) return { kind: "refused", why: "expired" };
  const { CN: cn, OU: unit } = certificate.toLegacyObject().subject as unknown as Record<
    string,
    unknown
  >;
  if (typeof cn !== "string") return { kind: "refused", why: "CN is not exactly one" };
  if (unit !== "observe" && unit !== "control") {
    return { kind: "refused", why: "OU is not exactly one of observe and control" };
  }
  return { kind: "accepted", cn, role: unit };
}
