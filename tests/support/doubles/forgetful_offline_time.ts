export * from "../../../src/enforcement/trusted_time.ts";

/** For `src/enforcement/trusted_time.ts`: what earlier runs used is forgotten; missed heartbeats alone cost. */
export function computeUnchargedMs(): number {
  return 0;
}
