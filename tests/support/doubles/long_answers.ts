export * from "../../../src/activation/messages.ts";

/** For `src/activation/messages.ts`: as much as the server likes. */
export const MAX_BODY_BYTES = Infinity;
