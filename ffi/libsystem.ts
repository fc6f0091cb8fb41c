import { openLazily } from "./lazy_symbols.ts";

/**
 * C library of macOS, with the prototype of each symbol. None is variadic, as arm64 macOS passes variadic arguments
 * differently. Not yet run on a Mac.
 */
const SYMBOLS = {
  // int access(const char *path, int mode); access(2)
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int getsockopt(int, int level, int optname, void *optval, socklen_t *optlen); getsockopt(2)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int getsockname(int, struct sockaddr *, socklen_t *); getsockname(2)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int, struct sockaddr *, socklen_t *); getpeername(2)
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int fstat(int fildes, struct stat *buf); stat(2): on x86_64 the plain name has 32-bit inodes
  fstat: {
    name: Deno.build.arch === "x86_64" ? "fstat$INODE64" : "fstat",
    parameters: ["i32", "buffer"],
    result: "i32",
  },
  // FILE *fopen(const char *path, const char *mode); fopen(3), as open(2) is variadic
  fopen: { parameters: ["buffer", "buffer"], result: "pointer" },
  // int fileno(FILE *stream); ferror(3)
  fileno: { parameters: ["pointer"], result: "i32" },
  // int fclose(FILE *stream); fclose(3)
  fclose: { parameters: ["pointer"], result: "i32" },
  // int dup2(int fildes, int fildes2); dup(2)
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  // int getdtablesize(void); getdtablesize(2)
  getdtablesize: { parameters: [], result: "i32" },
  // int proc_pidinfo(int pid, int flavor, uint64_t arg, void *buffer, int buffersize); <libproc.h>
  proc_pidinfo: { parameters: ["i32", "i32", "u64", "buffer", "i32"], result: "i32" },
  // int proc_listallpids(void *buffer, int buffersize); <libproc.h>; returns the number of processes
  proc_listallpids: { parameters: ["buffer", "i32"], result: "i32" },
  // int sysctlbyname(const char *name, void *oldp, size_t *oldlenp, void *newp, size_t newlen); sysctl(3)
  sysctlbyname: { parameters: ["buffer", "buffer", "buffer", "pointer", "usize"], result: "i32" },
  // pid_t getsid(pid_t pid); getsid(2)
  getsid: { parameters: ["i32"], result: "i32" },
  // int gethostuuid(uuid_t id, const struct timespec *wait); gethostuuid(2)
  gethostuuid: { parameters: ["buffer", "buffer"], result: "i32" },
  // int clock_gettime(clockid_t clock_id, struct timespec *tp); clock_gettime(3)
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // int setrlimit(int resource, const struct rlimit *rlp); setrlimit(2)
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  // void (*signal(int sig, void (*func)(int)))(int); signal(3), of the whole process
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  // int abs(int i); abs(3), its address
  abs: { type: "pointer" },
  // int ptrace(int request, pid_t pid, caddr_t addr, int data); ptrace(2)
  ptrace: { parameters: ["i32", "i32", "pointer", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions, for a fake in tests. */
export type Libsystem = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

export const LIBSYSTEM_PATH = "/usr/lib/libSystem.B.dylib";

let symbols: Libsystem | undefined;

/** Returns the library's functions; see {@linkcode openLazily}. */
export function libsystem(): Libsystem {
  return symbols ??= openLazily(SYMBOLS, [LIBSYSTEM_PATH]);
}
