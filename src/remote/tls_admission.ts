import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { describeError, reportErrors } from "../core/errors.ts";
import type { Audit, Telemetry } from "./audit.ts";
import type { IdentifyClient, Verdict } from "./tls_session.ts";
import type { RemoteLimits } from "./wire.ts";

interface ConnectionAdmissionOptions {
  /** Called for each connection, as it may change. */
  readonly identify: () => IdentifyClient;
  readonly limits: RemoteLimits;
  readonly audit: Audit;
  readonly telemetry: Telemetry;
}

/** A connection after its handshake. */
interface Admission {
  readonly verdict: Promise<Verdict>;
  /** Whether it exceeds the limit of connections. */
  readonly isTooMany: boolean;
}

/** Interval of keepalive probes (tcp(7)), which detect half-open connections. */
const KEEP_ALIVE_MS = 60_000;

/** Admits connections: limits their number and that of handshakes, and identifies each client once. */
export class ConnectionAdmission {
  /** Pending handshakes by peer address, which is all that a TLS socket and its TCP socket have in common. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #admitted = new Map<TLSSocket, Admission>();

  constructor(readonly server: Server, readonly options: ConnectionAdmissionOptions) {
    server.on("connection", reportErrors((socket: Socket) => this.#begin(socket)));
    server.on("secureConnection", reportErrors((socket: TLSSocket) => this.#admit(socket)));
    const onClientError = (error: Error, socket: TLSSocket) => {
      this.#fail(describeError(error), formatPeerAddress(socket));
      socket.destroy();
    };
    server.on("tlsClientError", reportErrors(onClientError));
  }

  /** Number of pending handshakes. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  get connections(): number {
    return this.#admitted.size;
  }

  /** `undefined` if the connection was not admitted. */
  admissionOf(socket: unknown): Admission | undefined {
    return this.#admitted.get(socket as TLSSocket);
  }

  /** Closes all connections. */
  closeAll(): void {
    for (const socket of this.#admitted.keys()) socket.destroy();
  }

  #begin(socket: Socket): void {
    const { limits, audit } = this.options;
    const address = formatPeerAddress(socket);
    if (this.#handshakes.size >= limits.handshakes) {
      audit({ action: "connect", outcome: "refused: too many handshakes", address });
      socket.destroy();
      return;
    }
    this.#handshakes.set(address, socket);
    // an early disconnect does not always raise an error
    const onClose = () => {
      if (this.#handshakes.get(address) === socket) this.#fail("connection closed", address);
    };
    socket.on("close", reportErrors(onClose));
  }

  #fail(why: string, address: string): void {
    if (!this.#handshakes.delete(address)) return;
    this.options.telemetry.handshakeFailed();
    this.options.audit({ action: "connect", outcome: `handshake failed: ${why}`, address });
  }

  #admit(socket: TLSSocket): void {
    this.#handshakes.delete(formatPeerAddress(socket));
    const isTooMany = this.#admitted.size >= this.options.limits.connections;
    this.#admitted.set(socket, { verdict: this.#judge(socket), isTooMany });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("close", () => this.#admitted.delete(socket));
  }

  /** Closes a refused connection before any of its requests is handled. */
  async #judge(socket: TLSSocket): Promise<Verdict> {
    const verdict = await this.#verdictOn(socket);
    if (verdict.kind === "accepted") return verdict;
    const address = formatPeerAddress(socket);
    this.options.audit({ action: "connect", outcome: `refused: ${verdict.why}`, address });
    socket.destroy();
    return verdict;
  }

  async #verdictOn(socket: TLSSocket): Promise<Verdict> {
    try {
      return await this.options.identify()(socket);
    } catch (error) {
      return { kind: "refused", why: `certificate cannot be checked: ${describeError(error)}` };
    }
  }
}

/** Address of the peer; after a failed handshake, only the underlying TCP socket has it. */
export function formatPeerAddress(socket: Socket): string {
  const below = (socket as { _parent?: Socket | null })._parent;
  const { remoteAddress, remotePort } = socket.remoteAddress === undefined && below
    ? below
    : socket;
  if (remoteAddress === undefined) return "unknown";
  return remoteAddress.includes(":")
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}
