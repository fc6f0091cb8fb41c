import type { Witness } from "../../../src/state/rollback_guard.ts";

export * from "../../../src/state/rollback_guard.ts";

/** For `src/state/rollback_guard.ts`: neither another folder nor the keyring has seen a state. */
export function outerWitness(): () => Witness | undefined {
  return () => undefined;
}

export function keyringWitness(): () => Witness | undefined {
  return () => undefined;
}
