import type { Witness } from "../../../src/state/outer_witness.ts";

export { witnessName } from "../../../src/state/keyring_witness.ts";

/** For `src/state/keyring_witness.ts`: nor has the keyring. */
export function keyringWitness(): () => Witness | undefined {
  return () => undefined;
}
