import type { Platform } from "../../../src/platform/contract.ts";
import { selectPlatform as selectRealPlatform } from "../../../src/platform/select.ts";

/** For `src/platform/select.ts`: the machine beside this one. No defense is off. */
export function selectPlatform(): Platform {
  const machineId = () => Promise.resolve("another");
  return { ...selectRealPlatform(), machineId, userKeyring: () => undefined };
}
