/** Signals the process group of a leader, kill(2) with a negative pid; false where there is none (ESRCH). */
export function signalUnixGroup(
  leader: number,
  signal: "SIGTERM" | "SIGCONT" | "SIGKILL",
): boolean {
  try {
    Deno.kill(-leader, signal);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
