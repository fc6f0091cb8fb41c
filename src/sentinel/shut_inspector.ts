import type { RunDependencies } from "./run.ts";

/** How long the runtime may take to let a debugger in, and how often that is looked at. */
const LONGEST_MS = 1_000, LOOK_EVERY_MS = 5;

/**
 * Makes what is to be called at each SIGUSR1, which is ours for statistics: from source the runtime takes it for its own,
 * too, and lets a debugger in right behind us. That is taken back.
 */
export function inspectorShutter(
  { platform, clock, log }: Pick<RunDependencies, "platform" | "clock" | "log">,
  signal: AbortSignal,
): () => void {
  let untilMs = 0, isLooking = false;
  const look = async () => {
    isLooking = true;
    while (!signal.aborted && clock.monotonicMs() < untilMs) {
      const address = await platform.shutInspector();
      if (address !== undefined) {
        log.warn(`the runtime let debuggers in at SIGUSR1, and does so no more: ${address}`);
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
    isLooking = false;
  };
  return () => {
    untilMs = clock.monotonicMs() + LONGEST_MS;
    if (!isLooking) void look();
  };
}
