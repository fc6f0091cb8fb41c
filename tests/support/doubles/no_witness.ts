import type { Witness } from "../../../src/state/rollback_guard.ts";

export type * from "../../../src/state/rollback_guard.ts";

/** For `src/state/outer_witness.ts`: nothing outside the state folder has seen a state. */
export function outerWitness(): () => Witness | undefined {
  return () => undefined;
}
