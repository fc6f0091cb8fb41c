import type { TLSSocket } from "node:tls";

/** Role of a client: `observe` may read, `control` may also start and stop processes. */
export type Role = "observe" | "control";

/** A client's identity, from its certificate. */
export interface ClientIdentity {
  /** The certificate's CN, for the audit log only. */
  readonly cn: string;
  readonly role: Role;
}

/** Result of identifying a client. */
export type Verdict =
  | ({ readonly kind: "accepted" } & ClientIdentity)
  | { readonly kind: "refused"; readonly why: string };

/**
 * Verifies a client's certificates: chain to the configured CA, dates, usage, role.
 *
 * @param chain DER of each certificate, the client's first.
 */
type VerifyClient = (chain: readonly Uint8Array[]) => Promise<Verdict>;

/** Identifies the client of a connection after its handshake. */
export type IdentifyClient = (socket: TLSSocket) => Promise<Verdict>;

/**
 * Identifies a client by its certificate and refuses resumed TLS sessions: all TLS servers of a process share the key of their
 * session tickets, so another server, which may not verify clients, could have issued the ticket.
 */
export function identifyBy(verify: VerifyClient): IdentifyClient {
  return async (socket) => {
    if (socket.isSessionReused()) return { kind: "refused", why: "resumed TLS session" };
    if (!socket.authorized) return { kind: "refused", why: "certificate not verified" };
    if (socket.getProtocol() !== "TLSv1.3") return { kind: "refused", why: "not TLS 1.3" };
    const chain = listCertificates(socket);
    if (chain.length === 0) return { kind: "refused", why: "no certificate" };
    return await verify(chain);
  };
}

/** The runtime links the last certificate of a chain to itself. */
function listCertificates(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [], seen = new Set<string>();
  let certificate = socket.getPeerCertificate(true);
  while (certificate?.raw !== undefined && !seen.has(certificate.fingerprint256)) {
    seen.add(certificate.fingerprint256);
    chain.push(certificate.raw);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}
