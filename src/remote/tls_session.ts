import type { TLSSocket } from "node:tls";

/** What a client may do: look (`observe`), or also start and stop (`control`). */
export type Role = "observe" | "control";

/** Who a client is, by its certificate. */
export interface ClientIdentity {
  /** The certificate's CN: a name for the audit log, and nothing that decides. */
  readonly cn: string;
  readonly role: Role;
}

/** What is decided about a client. */
export type Verdict =
  | ({ readonly kind: "accepted" } & ClientIdentity)
  | { readonly kind: "refused"; readonly why: string };

/**
 * Judges the certificates that a client showed, its own first: chain to the configured CA, dates, usage, role.
 *
 * @param chain DER, one element for each certificate.
 */
type VerifyClient = (chain: readonly Uint8Array[]) => Promise<Verdict>;

/** Decides who is at the other end of a connection whose handshake is over. */
export type IdentifyClient = (socket: TLSSocket) => Promise<Verdict>;

/**
 * Believes nothing that the runtime's handshake alone says: TLS servers of one process share the key of their session
 * tickets, and a resumed session's client was judged by whoever issued the ticket, or by nobody.
 */
export function identifyBy(verify: VerifyClient): IdentifyClient {
  return async (socket) => {
    if (socket.isSessionReused()) return { kind: "refused", why: "resumed TLS session" };
    if (!socket.authorized) return { kind: "refused", why: "certificate not verified" };
    if (socket.getProtocol() !== "TLSv1.3") return { kind: "refused", why: "not TLS 1.3" };
    const chain = certificateChain(socket);
    if (chain.length === 0) return { kind: "refused", why: "no certificate" };
    return await verify(chain);
  };
}

/** The runtime ends a chain with a certificate that is its own issuer. */
function certificateChain(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [], seen = new Set<string>();
  let certificate = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
