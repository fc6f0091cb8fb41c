import { openLazily } from "./lazy_symbols.ts";

/** C library of Linux (glibc and musl), with the prototype of each symbol. */
const SYMBOLS = {
  // int access(const char *pathname, int mode); access(2)
  access: { parameters: ["buffer", "i32"], result: "i32" },
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5); prctl(2)
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // int socket(int domain, int type, int protocol); socket(2)
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // ssize_t sendto(int sockfd, const void *buf, size_t len, int flags, const struct sockaddr *, socklen_t); send(2)
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen); getsockopt(2)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen); getsockname(2)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen); getpeername(2)
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int open(const char *pathname, int flags, ...); open(2), never with O_CREAT, so without a mode
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // int dup3(int oldfd, int newfd, int flags); dup3(2)
  dup3: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count); read(2)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout); poll(2)
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
  // ssize_t getdents64(int fd, void *dirp, size_t count); getdents64(2)
  getdents64: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int fcntl(int fd, int op, ...); fcntl(2), with an integer argument
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  // int waitid(idtype_t idtype, id_t id, siginfo_t *infop, int options); waitid(2)
  waitid: { parameters: ["i32", "u32", "buffer", "i32"], result: "i32" },
  // pid_t waitpid(pid_t pid, int *wstatus, int options); waitpid(2)
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  // int prlimit(pid_t pid, int resource, const struct rlimit *new, struct rlimit *old); prlimit(2)
  prlimit: { parameters: ["i32", "i32", "buffer", "buffer"], result: "i32" },
  // long syscall(SYS_pidfd_open, pid_t pid, unsigned int flags); pidfd_open(2); glibc has a wrapper since 2.36
  pidfd_open: { name: "syscall", parameters: ["isize", "isize", "isize"], result: "isize" },
  // long syscall(SYS_pidfd_send_signal, int pidfd, int sig, siginfo_t *info, unsigned int flags); pidfd_send_signal(2)
  pidfd_send_signal: {
    name: "syscall",
    parameters: ["isize", "isize", "isize", "isize", "isize"],
    result: "isize",
  },
  // long syscall(long number, ...); syscall(2), with five arguments
  syscall: {
    parameters: ["isize", "isize", "isize", "isize", "isize", "isize"],
    result: "isize",
  },
  // int *__errno_location(void); errno(3), of the calling thread
  errno_location: { name: "__errno_location", parameters: [], result: "pointer" },
  // int clock_gettime(clockid_t clockid, struct timespec *tp); clock_gettime(2)
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  // unsigned long getauxval(unsigned long type); getauxval(3)
  getauxval: { parameters: ["usize"], result: "usize" },
  // void *dlsym(void *handle, const char *symbol); dlsym(3)
  dlsym: { parameters: ["pointer", "buffer"], result: "pointer" },
  // int statx(int dirfd, const char *pathname, int flags, unsigned int mask, struct statx *statxbuf); statx(2)
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
  // int statfs(const char *path, struct statfs *buf); statfs(2)
  statfs: { parameters: ["buffer", "buffer"], result: "i32" },
  // DIR *opendir(const char *name); opendir(3)
  opendir: { parameters: ["buffer"], result: "pointer" },
  // struct dirent *readdir(DIR *dirp); readdir(3)
  readdir: { parameters: ["pointer"], result: "pointer" },
  // int closedir(DIR *dirp); closedir(3)
  closedir: { parameters: ["pointer"], result: "i32" },
  // pid_t gettid(void); gettid(2)
  gettid: { parameters: [], result: "i32" },
  // int setgroups(size_t size, const gid_t *list); setgroups(2)
  setgroups: { parameters: ["usize", "buffer"], result: "i32" },
  // int setresgid(gid_t rgid, gid_t egid, gid_t sgid); setresgid(2), of every thread (nptl(7))
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int setresuid(uid_t ruid, uid_t euid, uid_t suid); setresuid(2), of every thread (nptl(7))
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  // int capset(cap_user_header_t hdrp, const cap_user_data_t datap); capset(2), of the calling thread
  capset: { parameters: ["buffer", "buffer"], result: "i32" },
  // int chroot(const char *path); chroot(2)
  chroot: { parameters: ["buffer"], result: "i32" },
  // int chdir(const char *path); chdir(2)
  chdir: { parameters: ["buffer"], result: "i32" },
  // int execve(const char *pathname, char *const argv[], char *const envp[]); execve(2)
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  // long syscall(SYS_openat2, int dirfd, const char *pathname, struct open_how *how, size_t size); openat2(2)
  openat2: {
    name: "syscall",
    parameters: ["isize", "isize", "buffer", "buffer", "usize"],
    result: "isize",
  },
  // sighandler_t signal(int signum, sighandler_t handler); signal(2), of the whole process
  signal: { parameters: ["i32", "pointer"], result: "pointer" },
  // int abs(int j); abs(3), its address
  abs: { type: "pointer" },
  // int close(int fd); close(2)
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Candidate paths of the C library. */
const PATHS: Readonly<Record<typeof Deno.build.arch, readonly string[]>> = {
  x86_64: ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-x86_64.so.1"],
  aarch64: ["/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-aarch64.so.1"],
};

/** Paths in the order in which {@linkcode libc} tries them. */
export const LIBC_PATHS: readonly string[] = PATHS[Deno.build.arch];

/** The paths for every processor, for a program's permissions. */
export const ALL_LIBC_PATHS: readonly string[] = [...new Set(Object.values(PATHS).flat())];

let symbols: Libc | undefined;

/** Returns the library's functions; see {@linkcode openLazily}. */
export function libc(): Libc {
  return symbols ??= openLazily(SYMBOLS, LIBC_PATHS);
}
