import { systemClock } from "../../../src/core/clock.ts";
import { INTERVAL_HOURS } from "../system.ts";
import { between, type FaultKind, pick } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

const MINUTE_MS = 60_000, DAY_MINUTES = 1_440;

/** Within what clocks may differ by, beyond it, and far beyond, either way. */
const JUMPS_MINUTES = [2, 10, 90, DAY_MINUTES, 30 * DAY_MINUTES].flatMap((minutes) => [
  minutes,
  -minutes,
]);

const SHORTEST_MS = 1_000, LONGEST_MS = 8_000;

/** Heartbeats that a wrong clock spoils, before and after it is noticed. */
const HIDDEN_HOURS = 3 * INTERVAL_HOURS;

/** The wall clock of one customer jumps, and is put right again. */
export const clockJump: FaultKind = {
  weight: 2,
  draw(draw) {
    const target = drawRun(draw), minutes = pick(JUMPS_MINUTES, draw.random);
    const ms = between(SHORTEST_MS, LONGEST_MS, draw.random);
    return {
      words: `clock of ${target} off by ${minutes} minutes for ${ms} ms`,
      async inflict(system, signal) {
        const run = licensedOf(system, target)!;
        run.allow(HIDDEN_HOURS);
        await run.setClockOff(minutes * MINUTE_MS);
        await systemClock.sleep(ms, signal);
        await run.setClockOff(0);
      },
    };
  },
};
