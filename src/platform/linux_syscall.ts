import { libc } from "../../ffi/libc.ts";

/** System calls by number (<asm/unistd_64.h>, <asm-generic/unistd.h>). */
const NUMBERS = {
  x86_64: { mlock: 149, munlock: 150, madvise: 28, add_key: 248, keyctl: 250 },
  aarch64: { mlock: 228, munlock: 229, madvise: 233, add_key: 217, keyctl: 219 },
} as const;

const NUMBER = NUMBERS[Deno.build.arch];

/**
 * A system call for which the C library has no function of its own, or that is too rare for one (syscall(2)): opening a
 * function costs more than all of its calls. Bytes are passed by their address.
 *
 * @returns Its result, negative where it failed.
 */
export function syscall(
  name: keyof typeof NUMBER,
  ...args: readonly (number | Uint8Array<ArrayBuffer>)[]
): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n] = args.map((arg) =>
    typeof arg === "number" ? BigInt(arg) : addressOf(arg)
  );
  return Number(libc().syscall(BigInt(NUMBER[name]), a, b, c, d, e));
}

/** Where the bytes are; they stay there for as long as somebody holds them. */
export function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}
