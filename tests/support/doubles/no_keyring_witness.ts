import type { Witness } from "../../../src/state/rollback_guard.ts";

export { witnessName } from "../../../src/state/rollback_guard.ts";

/** For `src/state/keyring_witness.ts`: nor has the keyring. */
export function keyringWitness(): () => Witness | undefined {
  return () => undefined;
}
