interface SocketTable {
  /** Returns a number unique to the socket; `undefined` if the descriptor is no socket. */
  readCookie(fd: number): number | undefined;
  /** Tells whether the socket has the listener's address. On macOS this includes the listener itself. */
  isAccepted(fd: number): boolean;
}

/** End of a search without a result: more descriptors than this process has. */
export const MAX_DESCRIPTORS = 65_536;

/**
 * Finds the descriptor of an accepted connection, which the runtime hides: a new socket with the listener's address.
 * Cookies identify sockets, as descriptor numbers are reused.
 */
export class NewSocketFinder {
  readonly #table: SocketTable;
  /** Cookie of each descriptor's socket at the last look. */
  readonly #seen = new Map<number, number>();
  #last: number | undefined;

  constructor(table: SocketTable) {
    this.#table = table;
  }

  /** Finds the descriptor of the connection accepted last; `undefined` if none is new. */
  find(): number | undefined {
    return this.#last = this.#search();
  }

  get last(): number | undefined {
    return this.#last;
  }

  /**
   * The kernel assigns the lowest free number (open(2)), often the last one or its successor. Any match is right, as only
   * the connection accepted last is new.
   */
  #search(): number | undefined {
    const guess = this.#last ?? 0;
    if (this.#look(guess)) return guess;
    if (this.#look(guess + 1)) return guess + 1;
    for (let fd = 0; fd < MAX_DESCRIPTORS; fd++) if (this.#look(fd)) return fd;
    return undefined;
  }

  /** Records the descriptor's socket; tells whether it is a new connection of the listener. */
  #look(fd: number): boolean {
    const cookie = this.#table.readCookie(fd);
    if (cookie === undefined || this.#seen.get(fd) === cookie) return false;
    this.#seen.set(fd, cookie);
    return this.#table.isAccepted(fd);
  }
}
