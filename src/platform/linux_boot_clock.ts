import { libc } from "../../ffi/libc.ts";
import type { BootReading } from "./contract.ts";
import { readBootId } from "./linux_processes.ts";

/** <linux/time.h>; clock_gettime(2). */
const CLOCK_BOOTTIME = 7;

/** CLOCK_BOOTTIME and the boot it belongs to. @throws {Error} where the kernel has no such clock. */
export function readBootClock(): BootReading {
  // struct timespec { time_t tv_sec; long tv_nsec; }, 64 bits each
  const timespec = new BigInt64Array(2);
  if (libc().clock_gettime(CLOCK_BOOTTIME, timespec) !== 0) {
    throw new Error("Cannot read the boot clock: clock_gettime failed");
  }
  const [seconds, nanoseconds] = timespec;
  return {
    bootId: readBootId() ?? "",
    bootMs: Number(seconds! * 1000n + nanoseconds! / 1_000_000n),
  };
}
