import type { BootReading } from "../../../src/platform/contract.ts";
import { readBootClock as readRealClock } from "../../../src/platform/linux/syscalls.ts";
import { readOffsets } from "./set_clock.ts";

/** For `src/platform/linux_boot_clock.ts`, as `set_clock.ts`. */
export function readBootClock(): BootReading {
  const { bootId, bootMs } = readRealClock();
  return { bootId, bootMs: bootMs + readOffsets().passedMs };
}
