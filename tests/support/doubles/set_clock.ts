import { type Clock, systemClock as realClock } from "../../../src/core/clock.ts";

export * from "../../../src/core/clock.ts";

/** For `src/core/clock.ts`: the clocks of a machine that a test sets through the file `MACHINE_CLOCK`. No defense is off. */
export const systemClock: Clock = {
  ...realClock,
  wallMs: () => realClock.wallMs() + readOffsets().wallMs,
  monotonicMs: () => realClock.monotonicMs() + readOffsets().passedMs,
};

/** By how much they differ from those of the machine that the test runs on, in milliseconds. */
export function readOffsets(): { readonly wallMs: number; readonly passedMs: number } {
  return JSON.parse(Deno.readTextFileSync(Deno.env.get("MACHINE_CLOCK")!));
}
