import { libc } from "../../../ffi/libc.ts";
import type { ClockReadings } from "../../core/clock.ts";
import type { BootReading } from "../contract.ts";
import { listKernelFolder, readBootId } from "./proc.ts";
import { encodeCString } from "../unix/files.ts";

/** <linux/time.h>; clock_gettime(2). */
const CLOCK_REALTIME = 0, CLOCK_MONOTONIC = 1, CLOCK_BOOTTIME = 7;

/** Reads clocks by system calls, without a library or the vDSO in between. */
export function readKernelClocks(): ClockReadings {
  return { wallMs: readClock(CLOCK_REALTIME), monotonicMs: readClock(CLOCK_MONOTONIC) };
}

function readClock(id: number): number {
  const timespec = new Uint8Array(TIMESPEC_BYTES);
  if (syscall("clock_gettime", id, timespec) !== 0) {
    throw new Error("Cannot read a clock: clock_gettime failed");
  }
  const [seconds, nanoseconds] = new BigInt64Array(timespec.buffer);
  return Number(seconds! * 1000n + nanoseconds! / 1_000_000n);
}

/** struct timespec { time_t tv_sec; long tv_nsec; }, 64 bits each. */
const TIMESPEC_BYTES = 16;

/** Reads CLOCK_BOOTTIME and the boot id. @throws {Error} The kernel has no such clock. */
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

/** <unistd.h>; access(2). */
const W_OK = 2;

export function isWritable(path: string): boolean {
  return libc().access(encodeCString(path), W_OK) === 0;
}

/** <linux/fcntl.h>, <linux/stat.h>; statx(2). */
export const AT_FDCWD = -100, STATX_BASIC_STATS = 0x7ff, STATX_BYTES = 256;

/** Fields of `struct statx` that identify a file and its version. */
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
 * Returns device, inode, size and the modification and inode change times in nanoseconds; the runtime's `stat` truncates the
 * latter to seconds. Two changes within one kernel tick (milliseconds; less since Linux 6.13) have the same time.
 */
export function readFileVersion(path: string): string | undefined {
  const statx = new Uint8Array(STATX_BYTES);
  const name = encodeCString(path);
  if (libc().statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, statx) !== 0) return undefined;
  return FIELDS.map(([offset, length]) => statx.subarray(offset, offset + length).toHex()).join();
}

/** System call numbers (<asm/unistd_64.h>, <asm-generic/unistd.h>). */
const NUMBERS = {
  x86_64: { mlock: 149, munlock: 150, madvise: 28, add_key: 248, keyctl: 250, clock_gettime: 228 },
  aarch64: {
    mlock: 228,
    munlock: 229,
    madvise: 233,
    add_key: 217,
    keyctl: 219,
    clock_gettime: 113,
  },
} as const;

const NUMBER = NUMBERS[Deno.build.arch];

/**
 * Performs a rare system call by number (syscall(2)), as opening a symbol for it costs more than all its calls. Passes bytes
 * by address.
 *
 * @returns The result, negative on failure.
 */
export function syscall(
  name: keyof typeof NUMBER,
  ...args: readonly (number | Uint8Array<ArrayBuffer>)[]
): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((arg) =>
    typeof arg === "number" ? BigInt(arg) : getBufferAddress(arg)
  );
  return Number(libc().syscall(BigInt(NUMBER[name]), a, b, c, d, e));
}

/** Returns errno(3) of the last call, in the statement behind it. */
export function readErrno(): number {
  return new Deno.UnsafePointerView(libc().errno_location()!).getInt32();
}

/** Returns the address of bytes, valid as long as the array is referenced. */
export function getBufferAddress(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

/** <asm-generic/mman-common.h>; madvise(2). */
const MADV_DONTDUMP = 16, MADV_DODUMP = 17;

/** madvise(2) needs page-aligned addresses. arm64 kernels choose the page size; 64 KiB is a multiple of all. */
const PAGE_BYTES = Deno.build.arch === "x86_64" ? 4096n : 65_536n;

/**
 * Keeps bytes out of swap space (mlock(2)) and core dumps. Disposal wipes them, even if the kernel refused the lock
 * (RLIMIT_MEMLOCK).
 */
export function guardMemory(bytes: Uint8Array<ArrayBuffer>): Disposable {
  const address = Number(getBufferAddress(bytes));
  const firstPage = Number(BigInt(address) / PAGE_BYTES * PAGE_BYTES);
  const length = address + bytes.length - firstPage;
  syscall("mlock", address, bytes.length);
  syscall("madvise", firstPage, length, MADV_DONTDUMP);
  return {
    [Symbol.dispose]() {
      bytes.fill(0);
      syscall("madvise", firstPage, length, MADV_DODUMP);
      syscall("munlock", address, bytes.length);
    },
  };
}

/** <asm-generic/fcntl.h>, <linux/fcntl.h>, <linux/stat.h>; open(2), statx(2). */
const O_RDWR = 2, O_CLOEXEC = 0o2000000;
const AT_EMPTY_PATH = 0x1000, STATX_INO = 0x100;

/** Offsets of stx_ino, and of stx_dev_major with stx_dev_minor, in `struct statx`. */
const INODE_AT = 0x20, DEVICE_AT = 0x88;

/**
 * Implements {@linkcode Platform.dropStreams}. The runtime writes to duplicates of the three descriptors, which would keep a
 * terminal or pipe open, so every descriptor of the same file is redirected.
 */
export function dropStreams(): void {
  const { open, dup3, close } = libc();
  const none = open(encodeCString("/dev/null"), O_RDWR | O_CLOEXEC);
  if (none < 0) throw new Error("Cannot open /dev/null");
  const streams = new Set([0, 1, 2].map(identifyFile));
  for (const name of listKernelFolder("/proc/self/fd")) {
    const fd = Number(name);
    if (fd !== none && streams.has(identifyFile(fd))) dup3(none, fd, fd > 2 ? O_CLOEXEC : 0);
  }
  close(none);
}

/** Returns device and inode of a descriptor's file; `undefined` if it is not open. */
function identifyFile(fd: number): string | undefined {
  const statx = new Uint8Array(STATX_BYTES);
  if (libc().statx(fd, new Uint8Array(1), AT_EMPTY_PATH, STATX_INO, statx) !== 0) return undefined;
  return statx.subarray(INODE_AT, INODE_AT + 8).toHex() +
    statx.subarray(DEVICE_AT, DEVICE_AT + 8).toHex();
}
