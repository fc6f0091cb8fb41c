import type { FaultKind } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

/** Unrecorded run time: up to a simulated hour since the last record, and the time of the restart. */
const HIDDEN_HOURS = 2;

/** A container is replaced by a new one; only the volume with the state is kept. */
export const recreatedContainer: FaultKind = {
  weight: 2,
  draw(draw) {
    const target = drawRun(draw);
    return {
      words: `container of ${target} recreated`,
      async inflict(system) {
        const run = licensedOf(system, target)!;
        run.allow(HIDDEN_HOURS);
        await run.recreate(await system.makeBox());
      },
    };
  },
};
