import type { SystemUnderTest } from "../system.ts";
import type { FaultKind } from "./fault.ts";
import { drawRun, licensedOf } from "./target.ts";

/** The vendor restores a database from before an activation: it does not know that machine any more. */
export const restoredDatabase: FaultKind = {
  weight: 1,
  draw(draw) {
    const target = drawRun(draw);
    return {
      words: `machine of ${target} lost by the vendor's database`,
      async inflict(system: SystemUnderTest) {
        await system.vendor.loseMachine(licensedOf(system, target)!.terms.licenseKey);
      },
    };
  },
};
