import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";

/** <linux/fcntl.h>, <linux/stat.h>; statx(2). */
const AT_FDCWD = -100, STATX_BASIC_STATS = 0x7ff, STATX_BYTES = 256;

/** Where `struct statx` has what tells a file, and how many bytes; the rest is access times and counters. */
const FIELDS: readonly (readonly [offset: number, length: number])[] = [
  // stx_ino, stx_size
  [0x20, 16],
  // stx_ctime: seconds and nanoseconds
  [0x60, 12],
  // stx_mtime
  [0x70, 12],
  // stx_dev_major, stx_dev_minor
  [0x88, 8],
];

/**
 * Device, inode, size and the times of the last change of content and inode, in nanoseconds. The runtime's own `stat` cuts
 * the latter to seconds. Two changes between two ticks of the kernel (some milliseconds; fewer since Linux 6.13) have one
 * time.
 */
export function fileVersion(path: string): string | undefined {
  const statx = new Uint8Array(STATX_BYTES);
  const name = cString(path);
  if (libc().statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, statx) !== 0) return undefined;
  return FIELDS.map(([offset, length]) => statx.subarray(offset, offset + length).toHex()).join();
}
