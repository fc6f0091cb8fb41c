export * from "../../../src/ipc/limits.ts";

/** For `src/ipc/limits.ts`: as long as the peer likes. */
export const MAX_LINE_BYTES = Infinity, MAX_PAYLOAD_BYTES = Infinity;
