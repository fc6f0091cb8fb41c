import { libc } from "../../../ffi/libc.ts";
import type { TamperDetection } from "../contract.ts";
import { encodeCString } from "../unix/files.ts";
import { isInitialUserNamespace } from "./namespaces.ts";
import { readProcFile } from "./proc.ts";
import { AT_FDCWD, STATX_BASIC_STATS, STATX_BYTES } from "./syscalls.ts";

/** A part of a process's memory; proc_pid_maps(5). */
interface Mapping {
  readonly from: bigint;
  readonly to: bigint;
  readonly isCode: boolean;
  /** A file, a name such as `[vdso]`, or empty. */
  readonly path: string;
}

/** How the running process was put together. */
export interface LoadedCode {
  readonly mappings: readonly Mapping[];
  /** Path of the executable. */
  readonly executable: string;
  /** Address of the dynamic loader, which the executable names by an absolute path; 0 if it is linked statically. */
  readonly loader: bigint;
  /** Address that the program's own calls of a function reach; 0 if it is unknown. */
  readonly addressOf: (name: string) => bigint;
  /** Whether only root can have made the file. */
  readonly isOfRoot: (path: string) => boolean;
}

/** Functions by which the runtime reads the time and waits for it. */
const TIME_FUNCTIONS = ["clock_gettime", "gettimeofday", "time", "epoll_wait", "poll"];

/** Libraries of compilers, which users keep in folders of their own (conda, modules of computing centers). */
const COMPILER_LIBRARY = /^lib(?:gcc_s|stdc\+\+|atomic)(?:-[\d-]+)?\.so/;

/** Sanitizers measure time and pass on what they read; a vendor may load one of the system's. */
const SANITIZER = /^lib(?:a|hwa|l|t|ub)san\.so/;

/** The C library; musl is its own loader. */
const C_LIBRARY = /^(?:libc\.so\.6|libc-2\.\d+\.so|(?:ld|libc\.)-?musl-\w+\.so\.1)$/;

/** Folders that only root can change. */
const SYSTEM_FOLDER = /^\/(?:usr\/)?lib(?:32|64)?(?:\/[\w]+-linux-(?:gnu|musl)\w*)?$/;
const BELOW_SYSTEM = /^\/(?:usr|lib|lib64)\//;

/** Parses mappings that have a name. */
export function parseMappings(maps: string): Mapping[] {
  const lines = maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) ..([x-]). \S+ \S+ \d+ +([^\n]+)$/gm);
  return Array.from(lines, ([, from, to, execute, path]) => ({
    from: BigInt(`0x${from}`),
    to: BigInt(`0x${to}`),
    isCode: execute === "x",
    path: stripDeleted(path!),
  }));
}

/** The kernel puts a note behind the path of a file that was removed, for example by an update. */
function stripDeleted(path: string): string {
  return path.replace(/ \(deleted\)$/, "");
}

/** Describes how this process was put together. */
export function readLoadedCode(): LoadedCode {
  const isRootReal = isInitialUserNamespace();
  return {
    mappings: parseMappings(readProcFile("/proc/self/maps") ?? ""),
    executable: stripDeleted(Deno.execPath()),
    loader: libc().getauxval(AT_BASE),
    addressOf: findFunction,
    isOfRoot: (path) => isRootReal && isOfRoot(path),
  };
}

/** <elf.h>; getauxval(3). */
const AT_BASE = 7n;

/** Group and others; inode(7). */
const WRITE_OF_OTHERS = 0o022;

/** Offsets of stx_uid and stx_mode in `struct statx`. */
const UID_AT = 0x14, MODE_AT = 0x1c;

function isOfRoot(path: string): boolean {
  const statx = new Uint8Array(STATX_BYTES);
  const name = encodeCString(path);
  if (libc().statx(AT_FDCWD, name, 0, STATX_BASIC_STATS, statx) !== 0) return false;
  const view = new DataView(statx.buffer);
  return view.getUint32(UID_AT, true) === 0 &&
    (view.getUint16(MODE_AT, true) & WRITE_OF_OTHERS) === 0;
}

/** Finds a function in the order of the loader (dlsym(3), RTLD_DEFAULT); glibc before 2.34 has dlsym elsewhere. */
function findFunction(name: string): bigint {
  try {
    return Deno.UnsafePointer.value(libc().dlsym(null, encodeCString(name)));
  } catch {
    return 0n;
  }
}

/** Detects a library between the runtime and the C library that can tell it another time. */
export function findForeignClock(code: LoadedCode): TamperDetection | undefined {
  for (const name of TIME_FUNCTIONS) {
    const path = findMapping(code, code.addressOf(name))?.path;
    if (path === undefined || path === "[vdso]" || path === code.executable) continue;
    if (C_LIBRARY.test(baseOf(path)) && isSystemLibrary(path, code)) continue;
    if (SANITIZER.test(baseOf(path)) && BELOW_SYSTEM.test(path)) continue;
    return {
      kind: "clock_replaced",
      message: "another clock is put under sentinel",
      evidence: `${name} is that of ${path}`,
    };
  }
  return undefined;
}

/** Detects a library that the user put in place of one of the system. */
export function findForeignLibrary(code: LoadedCode): TamperDetection | undefined {
  const foreign = new Set(
    code.mappings.filter(({ isCode }) => isCode).map(({ path }) => path).filter((path) =>
      path.startsWith("/") && !path.startsWith("/memfd:") && path !== code.executable &&
      !COMPILER_LIBRARY.test(baseOf(path)) && !BELOW_SYSTEM.test(path) &&
      !isSystemLibrary(path, code) && !code.isOfRoot(path)
    ),
  );
  return foreign.size === 0 ? undefined : {
    kind: "preload",
    message: "foreign code is loaded into sentinel",
    evidence: [...foreign].join(", "),
  };
}

/** The parts of a C library are in one folder, wherever that is (Nix, snaps), or in one of the system. */
function isSystemLibrary(path: string, code: LoadedCode): boolean {
  const loader = findMapping(code, code.loader)?.path;
  const folder = folderOf(path).replace(/\/glibc-hwcaps\/[^/]+$/, "");
  return SYSTEM_FOLDER.test(folder) || (loader !== undefined && folder === folderOf(loader));
}

function findMapping({ mappings }: LoadedCode, address: bigint): Mapping | undefined {
  if (address === 0n) return undefined;
  return mappings.find(({ from, to }) => from <= address && address < to);
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}

function baseOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
