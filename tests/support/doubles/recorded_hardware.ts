import { createLinuxFingerprintSources as realSources } from "../../../src/platform/linux/hardware.ts";
import type { FingerprintSources } from "../../../src/platform/hardware_ids.ts";

/** For `src/platform/linux/hardware.ts`: the machine that is laid out in the folder `MACHINE`. No defense is off. */
export function createLinuxFingerprintSources(): FingerprintSources {
  const root = Deno.env.get("MACHINE")!;
  return realSources({ root, fileSystemId: () => 0x1234n });
}
