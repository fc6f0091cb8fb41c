/** What is told to whoever collects spans and metrics. */
export interface Telemetry {
  /** A request begins; the result is called with its status when it is answered. */
  request(route: string, role: string): (status: number) => void;
  handshakeFailed(): void;
  processStarted(): void;
  /** A stream of output begins or ends. */
  readers(change: 1 | -1): void;
  outputSent(bytes: number): void;
}

const NOTHING = () => {};

/** Nobody collects. */
export const NO_TELEMETRY: Telemetry = {
  request: () => NOTHING,
  handshakeFailed: NOTHING,
  processStarted: NOTHING,
  readers: NOTHING,
  outputSent: NOTHING,
};
