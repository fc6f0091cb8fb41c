import type { Witness } from "../../../src/state/outer_witness.ts";

export type * from "../../../src/state/outer_witness.ts";

/** For `src/state/outer_witness.ts`: nothing outside the state folder has seen a state. */
export function outerWitness(): () => Witness | undefined {
  return () => undefined;
}
