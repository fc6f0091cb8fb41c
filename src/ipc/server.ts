import { type Clock, systemClock, withDeadline } from "../core/clock.ts";
import { type Logger, throttledWarning } from "../core/log.ts";
import type { Platform } from "../platform/contract.ts";
import {
  type DegradeStage,
  type LicenseInfo,
  prepareAnswer,
  type Random,
} from "./license_answers.ts";
import { Deadlines, DEFAULT_LIMITS, type IpcLimits, shortestTimeoutMs } from "./limits.ts";
import { type ControlHandler, type ControlMethod, IpcService, RequestMemory } from "./service.ts";
import { bindSocket, type BoundSocket, type SocketClaim } from "./socket_owner.ts";
import { describeError } from "../core/errors.ts";
import type { LocalConn, PeerCredentials, UnidentifiedPeer } from "../platform/local_socket.ts";
import { selectPlatform } from "../platform/select.ts";
import type { Connection, ConnectionOptions } from "./connection.ts";

/** What watchers are told; further fields follow as they are. */
interface IpcEvent {
  readonly event: "license_changed" | "grace" | "state" | "stopping";
  readonly [field: string]: unknown;
}

export interface IpcServerOptions {
  /** The right to the socket; stays the caller's, who disposes of it after the server. */
  readonly claim: SocketClaim;
  readonly license: LicenseInfo;
  readonly log: Logger;
  /** Whether every process of the user may ask for the license, or only the software and its descendants. */
  readonly peer?: "user" | "child";
  /** Whether a process is the launched software or a descendant of it; needed with `peer: "child"`. */
  readonly isDescendant?: (pid: number) => boolean | Promise<boolean>;
  /** Whether requests of the software are counted, which costs a look at each new peer; asked for each. */
  readonly followsChildren?: () => boolean;
  /** What `status` answers. */
  readonly status?: () => object;
  readonly control?: Partial<Readonly<Record<ControlMethod, ControlHandler>>>;
  readonly limits?: Partial<IpcLimits>;
  readonly clock?: Clock;
  readonly random: Random;
  readonly platform?: Platform;
}

/** Connections since the start. */
interface IpcCounters {
  readonly connections_open: number;
  readonly connections_accepted: number;
  readonly connections_refused: number;
}

/** A running server. */
export interface IpcServer extends AsyncDisposable {
  readonly path: string;
  /** From now on the license methods answer this; watchers are told that it changed. */
  setLicense(info: LicenseInfo): void;
  /** Tells everybody who watches; who does not read falls behind and is cut off. */
  publish(event: IpcEvent): void;
  /** Makes the license methods' answers worse, or good again by `normal`. Ending the process at `crash` is the caller's. */
  setDegradeStage(stage: DegradeStage): void;
  /** From now on these hold; the times for connections that are made from now on. */
  setLimits(limits: Partial<IpcLimits>): void;
  counters(): IpcCounters;
  /** Whether as many connections are open as may be. */
  readonly isFull: boolean;
  /** Whether the software has asked anything since this was called last; where children are followed. */
  takeChildRequests(): Promise<boolean>;
  /**
   * Stops listening and removes the socket, if it is still ours; lets answers under way be written, for half a second at most,
   * and closes every connection. Resolves when all has ended; may be called twice.
   */
  close(): Promise<void>;
}

/** How long answers and events under way may take to be written at the end. */
const DRAIN_MS = 500;

/** How long accepting pauses after it has failed, as it does when the process is out of descriptors. */
const ACCEPT_PAUSE_MS = 50;

type OpenConnection = (conn: LocalConn, options: ConnectionOptions) => Connection;

/**
 * Serves the license on the claimed socket, from the moment this returns.
 *
 * @throws {SocketPlaceError} where the socket cannot be made.
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
  readonly #memory = new RequestMemory();
  readonly #connections = new Map<Connection, Promise<void>>();
  readonly #watchers = new Set<Connection>();
  readonly #closing = new AbortController();
  readonly #accepting: Promise<void>;
  #closed: Promise<void> | undefined;
  #accepted = 0;
  #refused = 0;
  /** Requests of the software, those of closed connections, and how many were told of. */
  #closedChildRequests = 0;
  #toldChildRequests = 0;

  constructor(socket: BoundSocket, parts: ServerParts) {
    const { license, log, random, status = () => ({}), control = {}, peer = "user" } = parts;
    this.path = parts.claim.path;
    this.#socket = socket;
    this.#parts = parts;
    this.#limits = { ...DEFAULT_LIMITS, ...parts.limits };
    this.#clock = parts.clock ?? systemClock;
    const clock = this.#clock;
    this.#service = new IpcService({ license, log, random, status, control, peer, clock });
    this.#deadlines = new Deadlines(clock, () => shortestTimeoutMs(this.#limits));
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
    return this.#connections.size >= this.#limits.maxConnections;
  }

  async takeChildRequests(): Promise<boolean> {
    let requests = this.#closedChildRequests;
    for (const connection of this.#connections.keys()) {
      if (await connection.peer.isChild) requests += connection.requests;
    }
    const isMore = requests > this.#toldChildRequests;
    this.#toldChildRequests = requests;
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
  }

  /** A file that cannot be removed keeps no connection open. */
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

  /** What speaks with peers is loaded behind the start, which is not to wait for it; until then peers queue. */
  async #acceptAll(): Promise<void> {
    const { signal } = this.#closing;
    const { Connection } = await import("./connection.ts");
    const open: OpenConnection = (conn, options) => new Connection(conn, options);
    const { listener } = this.#socket;
    const warn = throttledWarning({ log: this.#parts.log, clock: this.#clock });
    while (!signal.aborted) {
      try {
        // nothing may be awaited from here to the next accept: the peer is told by what is new
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
        this.#accepted++;
        return this.#serve(peer, (options) => open(conn, options));
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
    if (!isUnidentified(peer) && !this.#isOurs(peer)) return false;
    if (!this.isFull) return true;
    log.debug(`ipc connection refused: ${this.#limits.maxConnections} connections are open`);
    return false;
  }

  #isOurs({ user, pid }: PeerCredentials): boolean {
    const { log, ownUser } = this.#parts;
    if (user !== ownUser) {
      log.debug(`ipc connection refused: uid ${user}, pid ${pid}`, { uid: user, pid });
    }
    return user === ownUser;
  }

  /** For a peer that has been let in untold, once it has sent something. */
  #mayStay(peer: UnidentifiedPeer): boolean {
    const told = peer.identify();
    if (told === undefined) {
      this.#parts.log.debug(`ipc connection refused: pid ${peer.pid} keeps its user to itself`);
    }
    if (told !== undefined && this.#isOurs(told)) return true;
    this.#accepted--;
    this.#refused++;
    return false;
  }

  #serve(
    peer: PeerCredentials | UnidentifiedPeer,
    open: (options: ConnectionOptions) => Connection,
  ): void {
    const { pid } = peer;
    const connection = open({
      service: this.#service,
      memory: this.#memory,
      // nobody else is answered
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
      this.#watchers.delete(connection);
    });
    this.#connections.set(connection, ended);
  }

  /** Asks at once, while the peer that was accepted last is the one in question. */
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
