import type { BootReading } from "../../../src/platform/contract.ts";
import { readBootClock as readRealClock } from "../../../src/platform/linux/syscalls.ts";
import { readOffsets } from "./set_clock.ts";

export * from "../../../src/platform/linux/syscalls.ts";

/** For `src/platform/linux/syscalls.ts`, as `set_clock.ts`. */
export function readBootClock(): BootReading {
  const { bootId, bootMs } = readRealClock();
  return { bootId, bootMs: bootMs + readOffsets().passedMs };
}
