import type { Server } from "node:https";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { ConnectionAdmission, namePeer, type Place } from "../net/admission.ts";
import { Allowance } from "../net/allowance.ts";
import { shareDescriptors } from "../net/descriptors.ts";
import { RefusalReport } from "../net/refusal_report.ts";
import type { Clock } from "../core/clock.ts";
import { describeError, reportErrors } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Audit, Telemetry } from "./audit.ts";
import type { IdentifyClient, Verdict } from "./tls_session.ts";
import type { RemoteLimits } from "./wire.ts";

interface TlsAdmissionOptions {
  /** Called for each connection, as it may change. */
  readonly identify: () => IdentifyClient;
  readonly limits: RemoteLimits;
  readonly audit: Audit;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A connection after its handshake. */
interface Admission {
  readonly verdict: Promise<Verdict>;
  /** Whether it exceeds the limit of connections. */
  readonly isTooMany: boolean;
}

/** Interval of keepalive probes (tcp(7)), which detect half-open connections. */
const KEEP_ALIVE_MS = 60_000;

/** The part of the pending handshakes that an address may take. */
const PEER_SHARE = 0.25;

/** Failed handshakes of an address that are audited one by one, and one more in that time; the others are counted. */
const AUDITED_BURST = 20, AUDITED_REFILL_MS = 3_000;

/** A connection before the end of its handshake. */
interface Handshake {
  readonly socket: Socket;
  readonly place: Place;
}

/**
 * Admits connections: limits their number and that of handshakes, and identifies each client once. Anyone can begin a
 * handshake, so those that have taken longest give way to newer ones; a client that is identified keeps its place.
 */
export class TlsAdmission {
  /** Pending handshakes by peer address, which is all that a TLS socket and its TCP socket have in common. */
  readonly #handshakes = new Map<string, Handshake>();
  readonly #admitted = new Map<TLSSocket, Admission>();
  readonly #pending: ConnectionAdmission;
  readonly #report: RefusalReport;
  readonly #audited: Allowance;
  /** Most admitted connections. */
  readonly limit: number;
  /** Most connections that wait in the kernel. */
  readonly backlog: number;

  constructor(readonly server: Server, readonly options: TlsAdmissionOptions) {
    const { clock, log, limits } = options;
    const { connections, backlog } = shareDescriptors(limits.connections + limits.handshakes);
    const handshakes = Math.max(1, Math.min(limits.handshakes, Math.floor(connections / 2)));
    this.limit = Math.max(1, Math.min(limits.connections, connections - handshakes));
    this.backlog = backlog;
    this.#report = new RefusalReport({ what: "handshakes", clock, log });
    this.#audited = new Allowance({ burst: AUDITED_BURST, refillMs: AUDITED_REFILL_MS, clock });
    this.#pending = new ConnectionAdmission({
      limits: { connections: handshakes, perPeer: Math.ceil(handshakes * PEER_SHARE) },
      onRefusal: (peer) => this.#report.count(peer),
    });
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

  /** Closes all connections, and logs what is not logged yet. */
  closeAll(): void {
    for (const socket of this.#admitted.keys()) socket.destroy();
    for (const { socket } of this.#handshakes.values()) socket.destroy();
    this.#report[Symbol.dispose]();
  }

  #begin(socket: Socket): void {
    const address = formatPeerAddress(socket);
    const place = this.#pending.enter(namePeer(socket.remoteAddress), () => {
      this.#handshakes.delete(address);
      socket.destroy();
    });
    if (place === undefined) {
      socket.destroy();
      return;
    }
    this.#handshakes.set(address, { socket, place });
    // an early disconnect does not always raise an error
    const onClose = () => {
      if (this.#handshakes.get(address)?.socket !== socket) return;
      this.#fail("connection closed", address);
    };
    socket.on("close", reportErrors(onClose));
  }

  #fail(why: string, address: string): void {
    const handshake = this.#end(address);
    if (handshake === undefined) return;
    this.options.telemetry.handshakeFailed();
    const peer = namePeer(handshake.socket.remoteAddress ?? address);
    if (!this.#audited.take(peer)) return this.#report.count(peer);
    this.options.audit({ action: "connect", outcome: `handshake failed: ${why}`, address });
  }

  #end(address: string): Handshake | undefined {
    const handshake = this.#handshakes.get(address);
    this.#handshakes.delete(address);
    handshake?.place.leave();
    return handshake;
  }

  #admit(socket: TLSSocket): void {
    const isPending = this.#end(formatPeerAddress(socket)) !== undefined;
    if (!isPending) {
      socket.destroy();
      return;
    }
    const isTooMany = this.#admitted.size >= this.limit;
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
