/**
 * The C library of Linux (glibc and musl). One table; the prototype stands beside each symbol.
 *
 * Opened on first use and kept for the life of the process.
 */
const SYMBOLS = {
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5); prctl(2)
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Where the C library may be: an absolute path, as a bare name is looked up in the current folder by the permission check. */
const PATHS: Readonly<Record<typeof Deno.build.arch, readonly string[]>> = {
  x86_64: ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-x86_64.so.1"],
  aarch64: ["/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-aarch64.so.1"],
};

let symbols: Libc | undefined;

/** @throws {Error} naming the paths that were tried. */
export function libc(): Libc {
  return symbols ??= open();
}

function open(): Libc {
  const paths = PATHS[Deno.build.arch];
  for (const path of paths) {
    try {
      return Deno.dlopen(path, SYMBOLS).symbols;
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  throw new Error(`Cannot open the C library: tried ${paths.join(", ")}`);
}
