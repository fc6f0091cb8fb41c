import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";
import { listKernelFolder } from "./linux_proc.ts";

/** <asm-generic/fcntl.h>, <linux/fcntl.h>, <linux/stat.h>; open(2), statx(2). */
const O_RDWR = 2, O_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000, STATX_INO = 0x100, STATX_BYTES = 256;

/** Where `struct statx` has stx_ino, and stx_dev_major with stx_dev_minor. */
const INODE_AT = 0x20, DEVICE_AT = 0x88;

/**
 * As {@linkcode Platform.dropStreams} has it. The runtime writes to copies of the three descriptors, and would keep a
 * terminal or a pipe by them: every descriptor of the same file goes.
 */
export function dropStreams(): void {
  const { open, dup3, close } = libc();
  const none = open(cString("/dev/null"), O_RDWR | O_CLOEXEC);
  if (none < 0) throw new Error("Cannot open /dev/null");
  const streams = new Set([0, 1, 2].map(fileOf));
  for (const name of listKernelFolder("/proc/self/fd")) {
    const fd = Number(name);
    if (fd !== none && streams.has(fileOf(fd))) dup3(none, fd, fd > 2 ? O_CLOEXEC : 0);
  }
  close(none);
}

/** What tells the file behind a descriptor from others; `undefined` where there is none. */
function fileOf(fd: number): string | undefined {
  const statx = new Uint8Array(STATX_BYTES);
  if (libc().statx(fd, new Uint8Array(1), AT_EMPTY_PATH, STATX_INO, statx) !== 0) return undefined;
  return statx.subarray(INODE_AT, INODE_AT + 8).toHex() +
    statx.subarray(DEVICE_AT, DEVICE_AT + 8).toHex();
}
