import { systemClock } from "../../../src/core/clock.ts";
import { between, type FaultKind } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

const SHORTEST_MS = 5_000, LONGEST_MS = 20_000;

/** The vendor suspends a licence and takes that back. */
export const suspension: FaultKind = {
  weight: 1,
  draw(draw) {
    const target = drawRun(draw), ms = between(SHORTEST_MS, LONGEST_MS, draw.random);
    return {
      words: `license of ${target} suspended for ${ms} ms`,
      async inflict(system, signal) {
        const { licenseKey } = licensedOf(system, target)!.terms;
        await system.vendor.decide("suspend", licenseKey);
        await systemClock.sleep(ms, signal);
        await system.vendor.decide("reinstate", licenseKey);
      },
    };
  },
};
