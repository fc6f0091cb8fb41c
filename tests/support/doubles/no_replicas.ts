import type { KeyringReplica, StateReplica } from "../../../src/state/rollback_guard.ts";

export * from "../../../src/state/rollback_guard.ts";

/** For `src/state/rollback_guard.ts`: no replica exists outside the state folder. */
export function openOuterReplica(): () => StateReplica | undefined {
  return () => undefined;
}

export function openKeyringReplica(): () => KeyringReplica | undefined {
  return () => undefined;
}
