/** Peer credentials of a local socket, as the kernel recorded them at connect time. */
export interface PeerCredentials {
  /** In the format of {@linkcode Platform.userId}. */
  readonly user: string;
  readonly pid: number;
}

/** A peer known by its pid only until it sends data (Windows). */
export interface UnidentifiedPeer {
  readonly pid: number;
  /**
   * Identifies the peer after the first read; call it before processing the data.
   *
   * `undefined` if the system has no credentials: refuse the connection.
   */
  identify(): PeerCredentials | undefined;
}

export interface LocalConn {
  /** Resolves with the number of bytes read, or `null` at the end. */
  read(bytes: Uint8Array<ArrayBuffer>): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  close(): void;
}

export interface LocalListener {
  accept(): Promise<LocalConn>;
  close(): void;
}

export type PipeConnection =
  /** `owner` has the format of {@linkcode Platform.userId}; `undefined` if the system does not report it. */
  | { readonly kind: "open"; readonly conn: LocalConn; readonly owner: string | undefined }
  /** No pipe has this name. */
  | { readonly kind: "absent" }
  /** Every instance has a client: try again. */
  | { readonly kind: "busy" }
  | { readonly kind: "denied" };

/** Named pipes, the local sockets of Windows. */
export interface LocalPipes {
  /** Prefix of every pipe's name. */
  readonly prefix: string;
  /**
   * Creates a pipe that only this user can open.
   *
   * @returns `undefined` if another process has one of this name.
   */
  listen(name: string): LocalListener & AcceptedPeers | undefined;
  /** Connects, without waiting. */
  connect(name: string): PipeConnection;
}

/** Identifies the peers of the connections that a listening local socket accepts. */
export interface AcceptedPeers {
  /**
   * Identifies the peer of the connection accepted last; call it before the next `accept()`.
   *
   * `undefined` if the system has no credentials: refuse the connection.
   */
  identify(): PeerCredentials | UnidentifiedPeer | undefined;
  /** Pins the process of the peer identified last; `undefined` if it has ended. */
  pin(): PinnedPeer | undefined;
}

/** A process pinned against pid reuse: facts read by pid before `isAlive()` returns true belong to this process. */
export interface PinnedPeer extends Disposable {
  isAlive(): boolean;
}
