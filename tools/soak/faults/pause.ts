import { INTERVAL_HOURS } from "../system.ts";
import { between, type FaultKind } from "./fault.ts";
import { drawTarget, licensedOf, programOf } from "./target.ts";

const SHORTEST_MS = 300, LONGEST_MS = 5_000;

/** A run that was frozen for less than three intervals pays for one of them (`computeMissCost`). */
const HIDDEN_HOURS = 2 * INTERVAL_HOURS;

/** SIGSTOP, and later SIGCONT. */
export const pause: FaultKind = {
  weight: 2,
  draw(draw) {
    const target = drawTarget(draw), ms = between(SHORTEST_MS, LONGEST_MS, draw.random);
    return {
      words: `pause ${target} for ${ms} ms`,
      async inflict(system, signal) {
        licensedOf(system, target)?.allow(HIDDEN_HOURS);
        await programOf(system, target).pause(ms, signal);
      },
    };
  },
};
