import { addressOf, syscall } from "./linux_syscall.ts";

/** <asm-generic/mman-common.h>; madvise(2). */
const MADV_DONTDUMP = 16, MADV_DODUMP = 17;

/** An address for madvise(2) must be a multiple of the page's size, which arm64's kernels choose; 64 KiB is all of them's. */
const PAGE_BYTES = Deno.build.arch === "x86_64" ? 4096n : 65_536n;

/**
 * Keeps bytes out of the swap space (mlock(2)) and of core dumps until they are disposed of, and wipes them then. Where the
 * kernel does not allow it (RLIMIT_MEMLOCK), they are wiped all the same.
 */
export function guardMemory(bytes: Uint8Array<ArrayBuffer>): Disposable {
  const address = Number(addressOf(bytes));
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
