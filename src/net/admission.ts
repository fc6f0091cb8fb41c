/** How many connections may be open. */
export interface AdmissionLimits {
  readonly connections: number;
  /** Share of one peer: an address, or a user. */
  readonly perPeer: number;
}

/** The place of an admitted connection. */
export interface Place {
  /**
   * Whether the peer waits for us, as for an answer. A connection that waits for its peer, be it silent, slow or idle, may be
   * closed in favor of another; it is so at first.
   */
  isBusy: boolean;
  /** Whether the peer has asked for something that it got; such a connection is the last to be closed for another. */
  hasAsked: boolean;
  /** Frees the place. May be called twice. */
  leave(): void;
}

interface AdmissionOptions {
  readonly limits: AdmissionLimits;
  /** Called with the peer that loses a connection, the new one or an older one. */
  readonly onRefusal: (peer: string) => void;
}

/**
 * Admits connections: bounds their number, in total and for each peer.
 *
 * A connection beyond a bound takes the place of the one that has waited for its peer longest, of the same peer if that has
 * used up its share: one whose peer has not asked for anything yet, else one of the peer that has most. So connections that
 * cost their peer nothing keep out none that asks for something. It is refused if all are busy, or if its own peer has most.
 */
export class ConnectionAdmission {
  readonly #peers = new Map<string, Set<AdmittedPlace>>();
  /** All places, in the order in which they began to wait. */
  readonly #places = new Set<AdmittedPlace>();

  constructor(readonly options: AdmissionOptions) {}

  /** Number of admitted connections. */
  get size(): number {
    return this.#places.size;
  }

  /**
   * Admits a connection; `undefined` if the caller must close it.
   *
   * @param peer Names the peer, as {@linkcode namePeer} does.
   * @param close Closes the connection if its place is given to another; it must not throw.
   */
  enter(peer: string, close: () => void): Place | undefined {
    const { connections, perPeer } = this.options.limits;
    const own = this.#peers.get(peer)?.size ?? 0;
    const mustMakeRoom = own >= perPeer || this.size >= connections;
    if (mustMakeRoom) {
      const given = own >= perPeer ? findWaiting(this.#peers.get(peer)) : this.#findFor(own);
      this.options.onRefusal(given?.peer ?? peer);
      if (given === undefined) return undefined;
      given.leave();
      given.close();
    }
    const place = new AdmittedPlace(peer, { close, onChange: () => this.#update(place) });
    this.#update(place);
    return place;
  }

  /** The place for a connection of a peer with `own` others. */
  #findFor(own: number): AdmittedPlace | undefined {
    const silent = findFirst(this.#places, (place) => !place.isBusy && !place.hasAsked);
    if (silent !== undefined) return silent;
    let most = own;
    let found: AdmittedPlace | undefined;
    for (const places of this.#peers.values()) {
      if (places.size <= most) continue;
      const waiting = findWaiting(places);
      if (waiting === undefined) continue;
      most = places.size;
      found = waiting;
    }
    return found;
  }

  /** Keeps places in the order in which they began to wait. */
  #update(place: AdmittedPlace): void {
    const places = this.#peers.get(place.peer) ?? new Set();
    for (const set of [places, this.#places]) {
      set.delete(place);
      if (!place.hasLeft) set.add(place);
    }
    if (places.size === 0) this.#peers.delete(place.peer);
    else this.#peers.set(place.peer, places);
  }
}

/** The place that is closed first; `undefined` if all are busy. */
function findWaiting(places: Iterable<AdmittedPlace> = []): AdmittedPlace | undefined {
  return findFirst(places, ({ isBusy, hasAsked }) => !isBusy && !hasAsked) ??
    findFirst(places, ({ isBusy }) => !isBusy);
}

function findFirst(
  places: Iterable<AdmittedPlace>,
  matches: (place: AdmittedPlace) => boolean,
): AdmittedPlace | undefined {
  for (const place of places) if (matches(place)) return place;
  return undefined;
}

class AdmittedPlace implements Place {
  hasLeft = false;
  hasAsked = false;
  #isBusy = false;

  constructor(
    readonly peer: string,
    readonly options: { readonly close: () => void; readonly onChange: () => void },
  ) {}

  get isBusy(): boolean {
    return this.#isBusy;
  }

  set isBusy(isBusy: boolean) {
    if (isBusy === this.#isBusy || this.hasLeft) return;
    this.#isBusy = isBusy;
    if (!isBusy) this.options.onChange();
  }

  close(): void {
    this.options.close();
  }

  leave(): void {
    if (this.hasLeft) return;
    this.hasLeft = true;
    this.options.onChange();
  }
}

/** Number of 16-bit groups that a network assigns to one customer (RFC 6177). */
const SITE_GROUPS = 4;

/**
 * Names the peer at an IP address: an IPv4 address itself, also one that is mapped to IPv6; of an IPv6 address its /64, as any
 * host may use all addresses of that.
 */
export function namePeer(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const [bare = ""] = address.split("%");
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined) return mapped;
  if (!bare.includes(":")) return bare;
  const [head = "", tail] = bare.toLowerCase().split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...Array<string>(zeros).fill("0"), ...after].slice(0, SITE_GROUPS);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, "")).join(":")}::/64`;
}
