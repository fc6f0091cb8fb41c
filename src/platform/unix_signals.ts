import type { GroupSignal } from "./contract.ts";

/** Signals the process group of a leader, kill(2) with a negative pid; false where there is none (ESRCH). */
export function signalUnixGroup(leader: number, signal: GroupSignal): boolean {
  try {
    Deno.kill(-leader, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
