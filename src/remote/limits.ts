/** How much the server gives to all clients together, and how long it waits for one. Times in milliseconds. */
export interface RemoteLimits {
  /** Processes that run at once. */
  readonly processes: number;
  /** Streams of output at once. */
  readonly readers: number;
  /** Requests under way at once, streams of output not among them. */
  readonly requests: number;
  /** Connections beyond these are told so and closed. */
  readonly connections: number;
  /** Handshakes under way at once; a connection beyond these is closed before its handshake. */
  readonly handshakes: number;
  readonly handshakeMs: number;
  /** From a request's first byte, or the connection's beginning, to the end of its headers. */
  readonly headerMs: number;
  readonly bodyMs: number;
  /** Between two requests of a connection. */
  readonly idleMs: number;
  /** How long readers may take to fetch the rest when the server stops. */
  readonly drainMs: number;
}

export const DEFAULT_LIMITS: RemoteLimits = {
  processes: 256,
  readers: 256,
  requests: 256,
  connections: 1024,
  handshakes: 64,
  handshakeMs: 10_000,
  headerMs: 10_000,
  bodyMs: 10_000,
  idleMs: 60_000,
  drainMs: 5_000,
};

/** The largest body of a request. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** The largest head of a request: line and headers. */
export const MAX_HEADER_BYTES = 16 * 1024;
