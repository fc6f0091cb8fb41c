import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { describeError, reported } from "../core/errors.ts";
import type { Audit, Telemetry } from "./audit.ts";
import type { IdentifyClient, Verdict } from "./tls_session.ts";
import type { RemoteLimits } from "./wire.ts";

interface ConnectionAdmissionOptions {
  /** Asked anew for each connection, so that it may change. */
  readonly identify: () => IdentifyClient;
  readonly limits: RemoteLimits;
  readonly audit: Audit;
  readonly telemetry: Telemetry;
}

/** A connection whose handshake is over. */
interface Admission {
  readonly verdict: Promise<Verdict>;
  /** Whether there were too many connections already. */
  readonly isTooMany: boolean;
}

/** How often a half-open peer that went without a word is looked for (tcp(7), keepalive). */
const KEEP_ALIVE_MS = 60_000;

/** Lets connections in: bounds their number and that of handshakes, and has each client identified once. */
export class ConnectionAdmission {
  /** Under way, by the other end's address: all that the TLS socket and the one below it have in common. */
  readonly #handshakes = new Map<string, Socket>();
  readonly #admitted = new Map<TLSSocket, Admission>();

  constructor(readonly server: Server, readonly options: ConnectionAdmissionOptions) {
    server.on("connection", reported((socket: Socket) => this.#begin(socket)));
    server.on("secureConnection", reported((socket: TLSSocket) => this.#admit(socket)));
    const onClientError = (error: Error, socket: TLSSocket) => {
      this.#fail(describeError(error), addressOf(socket));
      socket.destroy();
    };
    server.on("tlsClientError", reported(onClientError));
  }

  /** Connections whose handshake is under way. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  get connections(): number {
    return this.#admitted.size;
  }

  /** `undefined` for a connection that never came this way. */
  admissionOf(socket: unknown): Admission | undefined {
    return this.#admitted.get(socket as TLSSocket);
  }

  /** Cuts every connection off. */
  closeAll(): void {
    for (const socket of this.#admitted.keys()) socket.destroy();
  }

  #begin(socket: Socket): void {
    const { limits, audit } = this.options;
    const address = addressOf(socket);
    if (this.#handshakes.size >= limits.handshakes) {
      audit({ action: "connect", outcome: "refused: too many handshakes", address });
      socket.destroy();
      return;
    }
    this.#handshakes.set(address, socket);
    // a client that is gone at once is not always told of as an error
    const onClose = () => {
      if (this.#handshakes.get(address) === socket) this.#fail("connection closed", address);
    };
    socket.on("close", reported(onClose));
  }

  #fail(why: string, address: string): void {
    if (!this.#handshakes.delete(address)) return;
    this.options.telemetry.handshakeFailed();
    this.options.audit({ action: "connect", outcome: `handshake failed: ${why}`, address });
  }

  #admit(socket: TLSSocket): void {
    this.#handshakes.delete(addressOf(socket));
    const isTooMany = this.#admitted.size >= this.options.limits.connections;
    this.#admitted.set(socket, { verdict: this.#judge(socket), isTooMany });
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("close", () => this.#admitted.delete(socket));
  }

  /** Whoever is refused is cut off before a request of his is looked at. */
  async #judge(socket: TLSSocket): Promise<Verdict> {
    const verdict = await this.#verdictOn(socket);
    if (verdict.kind === "accepted") return verdict;
    const address = addressOf(socket);
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

/** The other end of a connection; of a handshake that failed, only the socket below the TLS one knows. */
export function addressOf(socket: Socket): string {
  const below = (socket as { _parent?: Socket | null })._parent;
  const { remoteAddress, remotePort } = socket.remoteAddress === undefined && below
    ? below
    : socket;
  if (remoteAddress === undefined) return "unknown";
  return remoteAddress.includes(":")
    ? `[${remoteAddress}]:${remotePort}`
    : `${remoteAddress}:${remotePort}`;
}
