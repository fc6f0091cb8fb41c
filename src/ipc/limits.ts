/** How long a peer may take and how much it may send. Times in milliseconds; 0 is no limit. */
export interface IpcLimits {
  /** From a message's first byte to its end, and from the connection to its first byte. */
  readonly readTimeoutMs: number;
  /** How long a batch of answers may wait for a peer to read it. */
  readonly writeTimeoutMs: number;
  /** Between two messages. */
  readonly idleTimeoutMs: number;
  /** The connection beyond these is closed at once. */
  readonly maxConnections: number;
}

export const DEFAULT_LIMITS: IpcLimits = {
  readTimeoutMs: 60_000,
  writeTimeoutMs: 5_000,
  idleTimeoutMs: 0,
  maxConnections: 64,
};

/** The shortest of the times; Infinity where none is limited. */
export function shortestTimeoutMs(limits: IpcLimits): number {
  const timeouts = [limits.readTimeoutMs, limits.writeTimeoutMs, limits.idleTimeoutMs];
  return Math.min(...timeouts.filter((ms) => ms > 0));
}

/** The longest JSON line, without its end. */
export const MAX_LINE_BYTES = 65_536;
/** The longest payload of a frame, and the longest answer that a client takes. */
export const MAX_PAYLOAD_BYTES = 10 * 1024 * 1024;
