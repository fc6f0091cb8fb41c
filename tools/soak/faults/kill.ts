import type { FaultKind } from "./fault.ts";
import { drawTarget, licensedOf, programOf } from "./target.ts";

/** Unrecorded run time: up to a simulated hour since the last record, and the time of the restart. */
const HIDDEN_HOURS = 2;

/** SIGKILL; the program is restarted. */
export const kill: FaultKind = {
  weight: 4,
  draw(draw) {
    const target = drawTarget(draw);
    return {
      words: `kill ${target}`,
      inflict(system) {
        licensedOf(system, target)?.allow(HIDDEN_HOURS);
        programOf(system, target).kill();
        return Promise.resolve();
      },
    };
  },
};
