import { libc, LIBC_PATHS } from "../../../ffi/libc.ts";
import { encodeCString } from "../unix/files.ts";
import { readProcFile } from "./proc.ts";
import type { ProgramImage } from "../process_contract.ts";

/** Number on every architecture (<asm-generic/unistd.h>); openat2(2), since Linux 5.6. */
const SYS_openat2 = 437n;
/** <asm-generic/fcntl.h>, <linux/openat2.h>. */
const O_PATH_CLOEXEC = 0o12000000, RESOLVE_IN_ROOT = 0x10n;

/** Program loaders of glibc and musl on x86-64 and arm64. */
const LOADERS = [
  ...["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"],
  ...["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"],
];

/** Files that this program reads itself. */
const ALWAYS_NEEDED = ["/etc/passwd", "/etc/group", "/proc/self/status", "/dev/null"];

/** Tells whether two paths name the same file; false if either does not exist. */
export function isSameFile(one: string, other: string): boolean {
  try {
    const [first, second] = [Deno.statSync(one), Deno.statSync(other)];
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    return false;
  }
}

/**
 * Lists the files that a program needs and that are missing inside a future root folder: the program, its libraries, files
 * in its arguments (absolute paths) and a few system files.
 */
export function listMissing(folder: string, { path, args }: ProgramImage): string[] {
  const needed = [
    ...[path, ...ALWAYS_NEEDED, ...listMappedLibraries()],
    ...[...LOADERS, ...LIBC_PATHS.slice(0, 1), ...args].filter((file) =>
      file.startsWith("/") && isInside("/", file)
    ),
  ];
  return [...new Set(needed)].filter((file) => !isInside(folder, file));
}

/** Tells whether the folder contains itself under its own path, so that paths inside stay valid with it as the root. */
export function containsItself(folder: string): boolean {
  return isSameFile(`${folder}${folder}`, folder);
}

/** Resolves links as with the folder as the root. */
function isInside(folder: string, path: string): boolean {
  const root = open(folder);
  if (root < 0) return false;
  try {
    // struct open_how { __u64 flags; __u64 mode; __u64 resolve; }
    const how = new Uint8Array(
      new BigUint64Array([BigInt(O_PATH_CLOEXEC), 0n, RESOLVE_IN_ROOT]).buffer,
    );
    const fd = Number(libc().openat2(SYS_openat2, BigInt(root), encodeCString(path), how, 24n));
    if (fd >= 0) libc().close(fd);
    return fd >= 0;
  } finally {
    libc().close(root);
  }
}

function open(path: string): number {
  return libc().open(encodeCString(path), O_PATH_CLOEXEC);
}

/** Lists the shared libraries of this process; proc_pid_maps(5). */
function listMappedLibraries(): string[] {
  const maps = readProcFile("/proc/self/maps") ?? "";
  return Array.from(maps.matchAll(/ (\/\S+\.so(?:\.\S+)?)$/gm), ([, path]) => path!);
}
