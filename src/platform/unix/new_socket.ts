/** What the system tells of a descriptor. */
interface SocketTable {
  /** A number that the kernel gives to one socket alone; `undefined` where the descriptor is no socket. */
  cookieOf(fd: number): number | undefined;
  /** Whether it bears the address of our listener; the listener itself does, too, where it is not told apart. */
  isOurs(fd: number): boolean;
}

/** More than a process of ours has open; where a search ends that finds nothing. */
export const MOST_DESCRIPTORS = 65_536;

/**
 * Finds the descriptor of an accepted connection, which the runtime hides: a socket that bears the listener's address and
 * was not there before. Sockets are told apart by their cookies, as a descriptor's number alone is given out again.
 */
export class NewSocketFinder {
  readonly #table: SocketTable;
  /** The cookie of the socket that each descriptor had when it was last looked at. */
  readonly #seen = new Map<number, number>();
  /** The descriptor that was found last. */
  #last: number | undefined;

  constructor(table: SocketTable) {
    this.#table = table;
  }

  /** The descriptor of the connection that was accepted last; `undefined` where none is new. */
  find(): number | undefined {
    return this.#last = this.#search();
  }

  get last(): number | undefined {
    return this.#last;
  }

  /**
   * The kernel gives the lowest number that is free (open(2)): often the last one again or the next, else from below.
   * Where it is found does not matter, as nothing but the connection accepted last is new.
   */
  #search(): number | undefined {
    const guess = this.#last ?? 0;
    if (this.#look(guess)) return guess;
    if (this.#look(guess + 1)) return guess + 1;
    for (let fd = 0; fd < MOST_DESCRIPTORS; fd++) if (this.#look(fd)) return fd;
    return undefined;
  }

  /** Notes what the descriptor is now; whether it is a socket of our listener's that was not there before. */
  #look(fd: number): boolean {
    const cookie = this.#table.cookieOf(fd);
    if (cookie === undefined || this.#seen.get(fd) === cookie) return false;
    this.#seen.set(fd, cookie);
    return this.#table.isOurs(fd);
  }
}
