import type { Clock } from "../core/clock.ts";
import type { Platform } from "../platform/contract.ts";

/** Time between SIGTERM and SIGKILL. */
export const STOP_GRACE_MS = 10_000;

const POLL_MS = 10;

export interface StopOptions {
  readonly clock: Clock;
  readonly signalGroup: Platform["signalGroup"];
  /** Cuts the grace short. */
  readonly hurry?: AbortSignal | undefined;
}

/**
 * Stops a process group: SIGTERM, SIGCONT for those that were stopped, the grace, SIGKILL. Resolves when no process of
 * the group is left, at once where it is empty already.
 *
 * @param leader The group's leader: a process that leads a group of its own.
 */
export async function stopGroup(
  leader: number,
  { clock, signalGroup, hurry }: StopOptions,
): Promise<void> {
  if (!signalGroup(leader, "SIGTERM")) return;
  signalGroup(leader, "SIGCONT");
  const deadline = clock.monotonicMs() + STOP_GRACE_MS;
  while (signalGroup(leader, 0) && clock.monotonicMs() < deadline && !hurry?.aborted) {
    await clock.sleep(POLL_MS, hurry);
  }
  while (signalGroup(leader, "SIGKILL")) await clock.sleep(POLL_MS);
}
