import type { FaultKind } from "./fault.ts";
import { drawTarget, licensedOf, programOf } from "./target.ts";

/** What ran since the last note in the state: up to an hour that was told, and that it takes to come back. */
const HIDDEN_HOURS = 2;

/** SIGKILL; the program is started again, as by its owner. */
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
