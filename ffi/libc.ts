/**
 * The C library of Linux (glibc and musl). One table; the prototype stands beside each symbol.
 *
 * Each symbol is opened on first use, as opening one costs about half a millisecond (machine code is made for it), and
 * kept for the life of the process.
 */
const SYMBOLS = {
  // int prctl(int option, unsigned long arg2, unsigned long arg3, unsigned long arg4, unsigned long arg5); prctl(2)
  prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
  // int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen); getsockopt(2)
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  // int getsockname(int sockfd, struct sockaddr *addr, socklen_t *addrlen); getsockname(2)
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int getpeername(int sockfd, struct sockaddr *addr, socklen_t *addrlen); getpeername(2)
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  // int open(const char *pathname, int flags, ...); open(2), without a mode as nothing is created
  open: { parameters: ["buffer", "i32"], result: "i32" },
  // ssize_t read(int fd, void *buf, size_t count); read(2)
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  // int poll(struct pollfd *fds, nfds_t nfds, int timeout); poll(2)
  poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
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
  // int *__errno_location(void); errno(3), of the calling thread
  __errno_location: { parameters: [], result: "pointer" },
  // int close(int fd); close(2)
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** Where the C library may be: an absolute path, as a bare name is looked up in the current folder by the permission check. */
const PATHS: Readonly<Record<typeof Deno.build.arch, readonly string[]>> = {
  x86_64: ["/lib/x86_64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-x86_64.so.1"],
  aarch64: ["/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6", "/lib/ld-musl-aarch64.so.1"],
};

let symbols: Libc | undefined;

/**
 * The library's functions.
 *
 * @throws {Error} at the first use of one, naming the paths that were tried.
 */
export function libc(): Libc {
  return symbols ??= lazySymbols();
}

function lazySymbols(): Libc {
  const lazy = {};
  for (const name of Object.keys(SYMBOLS) as (keyof typeof SYMBOLS)[]) {
    Object.defineProperty(lazy, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = openSymbol(name);
        Object.defineProperty(lazy, name, { value, enumerable: true });
        return value;
      },
    });
  }
  return lazy as Libc;
}

function openSymbol(name: keyof typeof SYMBOLS): unknown {
  const paths = PATHS[Deno.build.arch];
  for (const path of paths) {
    try {
      const library = Deno.dlopen(path, { [name]: SYMBOLS[name] });
      return library.symbols[name];
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
    }
  }
  throw new Error(`Cannot open ${name} of the C library: tried ${paths.join(", ")}`);
}
