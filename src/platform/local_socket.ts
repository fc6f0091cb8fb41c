/** Who is at the other end of a local socket, as the kernel recorded it when the connection was made. */
export interface PeerCredentials {
  /** The user, as {@linkcode Platform.userId} writes it. */
  readonly user: string;
  readonly pid: number;
}

/** Who is at the other end, of whom the system tells no more than the pid until he has sent something. */
export interface UnidentifiedPeer {
  readonly pid: number;
  /**
   * To be asked when something was read, before it is looked at.
   *
   * `undefined` where the system did not tell; such a connection is nobody's and is to be refused.
   */
  identify(): PeerCredentials | undefined;
}

/** A connection over a local socket, or one like it. */
export interface LocalConn {
  /** Resolves with the number of bytes that were read, or `null` at the end. */
  read(bytes: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

/** Takes connections, one after the other, until it is closed. */
export interface LocalListener {
  accept(): Promise<LocalConn>;
  close(): void;
}

/** What became of a wish to connect to a pipe. */
export type PipeConnection =
  /** The owner as {@linkcode Platform.userId} writes it; `undefined` where the system does not tell. */
  | { readonly kind: "open"; readonly conn: LocalConn; readonly owner: string | undefined }
  /** Nobody has a pipe of this name. */
  | { readonly kind: "absent" }
  /** Every instance has a client: to be tried again. */
  | { readonly kind: "busy" }
  | { readonly kind: "denied" };

/** Named pipes, which local sockets are where they are no files. */
export interface LocalPipes {
  /** What every pipe's name begins with. */
  readonly prefix: string;
  /**
   * Makes a pipe for this user alone.
   *
   * @returns `undefined` where somebody else has one of this name.
   */
  listen(name: string): LocalListener & AcceptedPeers | undefined;
  /** Connects, without waiting. */
  connect(name: string): PipeConnection;
}

/** Tells the connections that one listening local socket accepts apart, and who made them. */
export interface AcceptedPeers {
  /**
   * The peer of the connection that was accepted last, to be asked before the next `accept()` starts.
   *
   * `undefined` where the system did not tell; such a connection is nobody's and is to be refused.
   */
  identify(): PeerCredentials | UnidentifiedPeer | undefined;
  /** Holds on to the peer that was identified last; `undefined` where it is gone already. */
  pin(): PinnedPeer | undefined;
}

/**
 * A process told from every later one that gets its pid. What was learnt of the pid between pinning it and an `isAlive()`
 * that says yes was learnt of this very process.
 */
export interface PinnedPeer extends Disposable {
  isAlive(): boolean;
}
