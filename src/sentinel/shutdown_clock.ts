import type { Clock } from "../core/clock.ts";

/** The part of the time after which the software is asked no longer, but killed. */
const PATIENCE = 0.5;

/** The one deadline of a shutdown. */
export interface ShutdownDeadline {
  /** Resolves where the time is over. */
  readonly missed: Promise<void>;
  /** All is done in time. */
  met(): void;
}

/**
 * Starts the time that a shutdown may take.
 *
 * @param hurry Called when the patience with the software is over.
 */
export function startDeadline(
  { timeoutMs, clock, hurry }: { timeoutMs: number; clock: Clock; hurry: () => void },
): ShutdownDeadline {
  const over = new AbortController();
  const missed = Promise.withResolvers<void>();
  const wait = async () => {
    await clock.sleep(timeoutMs * PATIENCE, over.signal);
    if (!over.signal.aborted) hurry();
    await clock.sleep(timeoutMs * (1 - PATIENCE), over.signal);
    if (!over.signal.aborted) missed.resolve();
  };
  wait();
  return { missed: missed.promise, met: () => over.abort() };
}
