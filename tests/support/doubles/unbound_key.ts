import {
  boundKey as boundToMachine,
  type BoundKeyOptions,
  type KeyProtector,
} from "../../../src/state/key_protector.ts";

export * from "../../../src/state/key_protector.ts";

/** For `src/state/key_protector.ts`: the key depends on what lies beside the keystore, and on no machine. */
export function boundKey(options: BoundKeyOptions): KeyProtector {
  return boundToMachine({ ...options, machineId: () => Promise.resolve(""), userId: "" });
}
