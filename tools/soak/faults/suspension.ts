import { systemClock } from "../../../src/core/clock.ts";
import type { SystemUnderTest } from "../system.ts";
import { between, type FaultKind } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

const SHORTEST_MS = 5_000, LONGEST_MS = 20_000;

/** The vendor suspends a license and takes that back. */
export const suspension: FaultKind = {
  weight: 1,
  draw(draw) {
    const target = drawRun(draw), ms = between(SHORTEST_MS, LONGEST_MS, draw.random);
    const keyIn = (system: SystemUnderTest) => licensedOf(system, target)!.terms.licenseKey;
    return {
      words: `license of ${target} suspended for ${ms} ms`,
      whyNot: (system) =>
        system.vendor.isSuspended(keyIn(system)) ? "it is suspended already" : undefined,
      async inflict(system, signal) {
        await system.vendor.suspend(keyIn(system), () => systemClock.sleep(ms, signal));
      },
    };
  },
};
