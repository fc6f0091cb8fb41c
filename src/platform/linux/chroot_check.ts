import { libc, LIBC_PATHS } from "../../../ffi/libc.ts";
import { cString } from "../unix/files.ts";
import { readProcFile } from "./proc.ts";
import type { ProgramImage } from "../process_contract.ts";

/** System call by number, the same on every architecture (<asm-generic/unistd.h>); openat2(2), since Linux 5.6. */
const SYS_openat2 = 437n;
/** <asm-generic/fcntl.h>, <linux/openat2.h>. */
const O_PATH_CLOEXEC = 0o12000000, RESOLVE_IN_ROOT = 0x10n;

/** Where the program loader is on x86-64 and arm64 (the architectures' ABIs; musl). */
const LOADERS = [
  ...["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"],
  ...["/lib/ld-musl-x86_64.so.1", "/lib/ld-musl-aarch64.so.1"],
];

/** For what we ask the system ourselves: who a user is, which rights a thread has, a place for what nobody hears. */
const ALWAYS = ["/etc/passwd", "/etc/group", "/proc/self/status", "/dev/null"];

/** Whether two paths lead to the same file; false where either leads nowhere. */
export function isSameFile(one: string, other: string): boolean {
  try {
    const [first, second] = [Deno.statSync(one), Deno.statSync(other)];
    return first.ino === second.ino && first.dev === second.dev;
  } catch {
    return false;
  }
}

/**
 * What a program needs and would not find with this folder as its root, by the paths of now: itself, its libraries, files
 * that it is told by absolute paths, and a few of the system's.
 */
export function missingInside(folder: string, { path, args }: ProgramImage): string[] {
  const there = (file: string) => isInside("/", file);
  const needed = [
    ...[path, ...ALWAYS, ...mappedLibraries()],
    ...[...LOADERS, ...LIBC_PATHS.slice(0, 1), ...args].filter((file) =>
      file.startsWith("/") && there(file)
    ),
  ];
  return [...new Set(needed)].filter((file) => !isInside(folder, file));
}

/** Whether the folder, as a root, has itself under its own path: then all paths in it are the same from both sides. */
export function containsItself(folder: string): boolean {
  return isSameFile(`${folder}${folder}`, folder);
}

/** Links are followed as they will be with the folder as the root. */
function isInside(folder: string, path: string): boolean {
  const root = open(folder);
  if (root < 0) return false;
  try {
    // struct open_how { __u64 flags; __u64 mode; __u64 resolve; }
    const how = new Uint8Array(
      new BigUint64Array([BigInt(O_PATH_CLOEXEC), 0n, RESOLVE_IN_ROOT]).buffer,
    );
    const fd = Number(libc().openat2(SYS_openat2, BigInt(root), cString(path), how, 24n));
    if (fd >= 0) libc().close(fd);
    return fd >= 0;
  } finally {
    libc().close(root);
  }
}

function open(path: string): number {
  return libc().open(cString(path), O_PATH_CLOEXEC);
}

/** proc_pid_maps(5): the libraries that we run with ourselves. */
function mappedLibraries(): string[] {
  const maps = readProcFile("/proc/self/maps") ?? "";
  return Array.from(maps.matchAll(/ (\/\S+\.so(?:\.\S+)?)$/gm), ([, path]) => path!);
}
