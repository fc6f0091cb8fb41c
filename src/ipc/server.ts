import { type Clock, systemClock, withDeadline } from "../core/clock.ts";
import { createThrottledWarning, type Logger } from "../core/log.ts";
import { ConnectionAdmission, type Place } from "../net/admission.ts";
import { countSpareDescriptors } from "../net/descriptors.ts";
import { RefusalReport } from "../net/refusal_report.ts";
import type { Platform } from "../platform/contract.ts";
import {
  type DegradeStage,
  type LicenseInfo,
  prepareAnswer,
  type Random,
} from "./license_answers.ts";
import { Deadlines, DEFAULT_LIMITS, findShortestTimeoutMs, type IpcLimits } from "./limits.ts";
import { type ProveLicense, withholdProof } from "./proof_request.ts";
import { type ControlHandler, type ControlMethod, IpcService, RequestCache } from "./service.ts";
import { bindSocket, type BoundSocket, type SocketClaim } from "./socket_owner.ts";
import { describeError } from "../core/errors.ts";
import type { LocalConn, PeerCredentials, UnidentifiedPeer } from "../platform/local_socket.ts";
import { selectPlatform } from "../platform/select.ts";
import type { Connection, ConnectionOptions } from "./connection.ts";

/** An event for watchers; further fields are sent unchanged. */
interface IpcEvent {
  readonly event: "license_changed" | "license_ending" | "grace" | "state" | "stopping";
  readonly [field: string]: unknown;
}

export interface IpcServerOptions {
  /** The claim to the socket; the caller disposes of it after closing the server. */
  readonly claim: SocketClaim;
  readonly license: LicenseInfo;
  readonly log: Logger;
  /** Whether any process of our user may request the license, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  /** Whether a process is the launched software or its descendant; required for `peer: "child"`. */
  readonly isDescendant?: (pid: number) => boolean | Promise<boolean>;
  /** Whether to count the software's requests, which requires a lookup for each new peer; called for each. */
  readonly followsChildren?: () => boolean;
  /** Proves the license to clients that ask for it (default: no proof). */
  readonly prove?: ProveLicense;
  /** Returns the answer to `status`. */
  readonly status?: () => object;
  readonly control?: Partial<Readonly<Record<ControlMethod, ControlHandler>>>;
  readonly limits?: Partial<IpcLimits>;
  readonly clock?: Clock;
  readonly random: Random;
  readonly platform?: Platform;
}

/** Open connections, and the totals since the start. */
interface IpcCounters {
  readonly connections_open: number;
  readonly connections_accepted: number;
  readonly connections_refused: number;
}

/** A running server. */
export interface IpcServer extends AsyncDisposable {
  readonly path: string;
  /** Changes the license in the answers and publishes `license_changed`. */
  setLicense(info: LicenseInfo): void;
  /** Sends an event to all watchers; disconnects those that do not read. */
  publish(event: IpcEvent): void;
  /** Degrades the license methods' answers (`normal` restores them). At `crash`, the caller ends the process. */
  setDegradeStage(stage: DegradeStage): void;
  /** Changes the limits; timeouts apply to new connections. */
  setLimits(limits: Partial<IpcLimits>): void;
  counters(): IpcCounters;
  /** Whether the maximum number of connections is open. */
  readonly isFull: boolean;
  /** Whether the software has sent a request since the last call; requires `followsChildren`. */
  takeChildRequests(): Promise<boolean>;
  /**
   * Stops listening, removes the socket if it is still ours, waits at most {@linkcode DRAIN_MS} for pending answers and closes
   * all connections. Resolves when all have ended; may be called twice.
   */
  close(): Promise<void>;
}

/** Time for pending answers and events to be written on close. */
const DRAIN_MS = 500;

/** Connections that any process has descriptors for; counting what is left takes some time. */
const UNCOUNTED_CONNECTIONS = 16;

/** Pause after a failed accept, as when the process is out of descriptors. */
const ACCEPT_PAUSE_MS = 50;

type OpenConnection = (conn: LocalConn, options: ConnectionOptions) => Connection;

/**
 * Starts to serve the license on the claimed socket.
 *
 * @throws {SocketPathError} if the socket cannot be created.
 */
export function serveIpc(options: IpcServerOptions): IpcServer {
  const platform = options.platform ?? selectPlatform();
  const socket = bindSocket(options.claim.path, platform);
  return new Server(socket, { ...options, ownUser: platform.userId() });
}

interface ServerParts extends IpcServerOptions {
  readonly ownUser: string;
}

class Server implements IpcServer {
  readonly path: string;
  readonly #socket: BoundSocket;
  readonly #parts: ServerParts;
  #limits: IpcLimits;
  readonly #clock: Clock;
  readonly #service: IpcService;
  readonly #deadlines: Deadlines;
  readonly #cache = new RequestCache();
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #report: RefusalReport;
  readonly #admission: ConnectionAdmission;
  /** Most connections that the process has descriptors for, once that matters. */
  #affordable: number | undefined;
  readonly #watchers = new Set<Connection>();
  readonly #closing = new AbortController();
  readonly #accepting: Promise<void>;
  #closed: Promise<void> | undefined;
  #accepted = 0;
  #refused = 0;
  /** Requests of the software on closed connections, and the total at the last {@linkcode takeChildRequests}. */
  #closedChildRequests = 0;
  #takenChildRequests = 0;

  constructor(socket: BoundSocket, parts: ServerParts) {
    const { license, log, random, status = () => ({}), control = {}, peer = "user" } = parts;
    const { prove = (wanted) => Promise.resolve(withholdProof(wanted)) } = parts;
    this.path = parts.claim.path;
    this.#socket = socket;
    this.#parts = parts;
    this.#limits = { ...DEFAULT_LIMITS, ...parts.limits };
    this.#clock = parts.clock ?? systemClock;
    const clock = this.#clock;
    this.#service = new IpcService({ license, log, random, prove, status, control, peer, clock });
    this.#deadlines = new Deadlines(clock, () => findShortestTimeoutMs(this.#limits));
    this.#report = new RefusalReport({ what: "ipc connections", clock, log });
    const getLimit = () => this.#limit;
    this.#admission = new ConnectionAdmission({
      limits: {
        get connections() {
          return getLimit();
        },
        // only one user is admitted
        get perPeer() {
          return getLimit();
        },
      },
      onRefusal: (user) => this.#report.count(`user ${user}`),
    });
    this.#accepting = this.#acceptAll();
  }

  setLicense(info: LicenseInfo): void {
    this.#service.setLicense(info);
    this.publish({ event: "license_changed" });
  }

  publish(event: IpcEvent): void {
    if (this.#watchers.size === 0) return;
    const prepared = prepareAnswer(event);
    for (const watcher of this.#watchers) watcher.sendEvent(prepared);
  }

  setDegradeStage(stage: DegradeStage): void {
    this.#service.setDegradeStage(stage);
  }

  setLimits(limits: Partial<IpcLimits>): void {
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
    this.#deadlines.rearm();
  }

  get isFull(): boolean {
    return this.#admission.size >= this.#limit;
  }

  /** The configured maximum, or less if the process has few descriptors. */
  get #limit(): number {
    const { maxConnections } = this.#limits;
    const { size } = this.#admission;
    if (this.#affordable === undefined && size >= UNCOUNTED_CONNECTIONS) {
      this.#affordable = size + Math.floor(countSpareDescriptors(2 * maxConnections) / 2);
    }
    return Math.min(maxConnections, this.#affordable ?? maxConnections);
  }

  async takeChildRequests(): Promise<boolean> {
    let requests = this.#closedChildRequests;
    for (const connection of this.#connections.keys()) {
      if (await connection.peer.isChild) requests += connection.requests;
    }
    const isMore = requests > this.#takenChildRequests;
    this.#takenChildRequests = requests;
    return isMore;
  }

  counters(): IpcCounters {
    return {
      connections_open: this.#connections.size,
      connections_accepted: this.#accepted,
      connections_refused: this.#refused,
    };
  }

  close(): Promise<void> {
    return this.#closed ??= this.#close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#service.close();
    this.#unbind();
    await this.#drain();
    for (const connection of this.#connections.keys()) connection.close();
    await Promise.all([this.#accepting, this.#deadlines.close(), ...this.#connections.values()]);
    this.#report[Symbol.dispose]();
  }

  /** Only warns if the socket's file cannot be removed, so that connections are closed anyway. */
  #unbind(): void {
    try {
      this.#socket.close();
    } catch (error) {
      this.#parts.log.warn(`ipc cannot remove its socket: ${describeError(error)}`);
    }
  }

  async #drain(): Promise<void> {
    for (const connection of this.#connections.keys()) connection.finish();
    const all = Promise.allSettled(this.#connections.values());
    await withDeadline(all, { clock: this.#clock, ms: DRAIN_MS, late: () => undefined });
  }

  /** Loads the connection code after the start, so as not to delay it; peers queue until then. */
  async #acceptAll(): Promise<void> {
    const { signal } = this.#closing;
    const { Connection } = await import("./connection.ts");
    const open: OpenConnection = (conn, options) => new Connection(conn, options);
    const { listener } = this.#socket;
    const warn = createThrottledWarning({ log: this.#parts.log, clock: this.#clock });
    while (!signal.aborted) {
      try {
        // must not await between accept() and identify(), which takes the most recent peer
        this.#admit(await listener.accept(), open);
      } catch (error) {
        if (signal.aborted) return;
        warn(`ipc cannot accept a connection: ${describeError(error)}`);
        await this.#clock.sleep(ACCEPT_PAUSE_MS, signal);
      }
    }
  }

  #admit(conn: LocalConn, open: OpenConnection): void {
    try {
      const peer = this.#socket.peers.identify();
      if (!this.#closing.signal.aborted && this.#mayEnter(peer)) {
        const place = this.#admission.enter(this.#parts.ownUser, () => conn.close());
        if (place !== undefined) {
          this.#accepted++;
          return this.#serve(peer, { place, open: (options) => open(conn, options) });
        }
      }
    } catch (error) {
      this.#parts.log.error(`ipc cannot identify a peer: ${describeError(error)}`);
    }
    this.#refused++;
    conn.close();
  }

  #mayEnter(
    peer: PeerCredentials | UnidentifiedPeer | undefined,
  ): peer is PeerCredentials | UnidentifiedPeer {
    const { log } = this.#parts;
    if (peer === undefined) {
      log.debug("ipc connection refused: its peer is unknown");
      return false;
    }
    return isUnidentified(peer) || this.#isOurs(peer);
  }

  #isOurs({ user, pid }: PeerCredentials): boolean {
    const { log, ownUser } = this.#parts;
    if (user !== ownUser) {
      log.debug(`ipc connection refused: uid ${user}, pid ${pid}`, { uid: user, pid });
    }
    return user === ownUser;
  }

  /** Identifies a peer that was unidentified at accept, when its first bytes arrive. */
  #mayStay(peer: UnidentifiedPeer): boolean {
    const identified = peer.identify();
    if (identified === undefined) {
      this.#parts.log.debug(`ipc connection refused: pid ${peer.pid} hides its user`);
    }
    if (identified !== undefined && this.#isOurs(identified)) return true;
    this.#accepted--;
    this.#refused++;
    return false;
  }

  #serve(
    peer: PeerCredentials | UnidentifiedPeer,
    { place, open }: { place: Place; open: (options: ConnectionOptions) => Connection },
  ): void {
    const { pid } = peer;
    // the software keeps its connections for as long as it likes
    place.isBusy = true;
    const connection = open({
      service: this.#service,
      cache: this.#cache,
      // only peers of our user are answered
      peer: { user: this.#parts.ownUser, pid, isChild: this.#isChild(pid) },
      mayStay: isUnidentified(peer) ? () => this.#mayStay(peer) : undefined,
      limits: this.#limits,
      clock: this.#clock,
      deadlines: this.#deadlines,
      log: this.#parts.log,
      onWatch: (watcher) => this.#watchers.add(watcher),
    });
    const ended = connection.serve().finally(async () => {
      if (await connection.peer.isChild) this.#closedChildRequests += connection.requests;
      this.#connections.delete(connection);
      place.leave();
      this.#watchers.delete(connection);
    });
    this.#connections.set(connection, ended);
  }

  /** Call right after the accept: pins the most recently accepted peer. */
  #isChild(pid: number): boolean | Promise<boolean> {
    const { peer, isDescendant, followsChildren } = this.#parts;
    if (isDescendant === undefined || peer !== "child" && !followsChildren?.()) return false;
    const pinned = this.#socket.peers.pin();
    if (pinned === undefined) return false;
    return (async () => {
      using held = pinned;
      return await isDescendant(pid) && held.isAlive();
    })().catch(() => false);
  }
}

function isUnidentified(peer: PeerCredentials | UnidentifiedPeer): peer is UnidentifiedPeer {
  return "identify" in peer;
}
