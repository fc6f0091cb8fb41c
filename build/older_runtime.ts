/**
 * What the product uses and Deno 2.4.2 lacks, so that a compiled program can be tried where only that release's runtime can be
 * had. It goes into no program that the pinned Deno compiles. Linux; see docs/decisions/090-standalone.md.
 */

/** flock(2) */
const LOCK_SH = 1, LOCK_EX = 2, LOCK_NB = 4;
/** lseek(2) */
const SEEK_CUR = 1;
/** Descriptors that are looked at. */
const DESCRIPTORS = 1024;

const SYMBOLS = {
  // int flock(int fd, int operation)
  flock: { parameters: ["i32", "i32"], result: "i32" },
  // off_t lseek(int fd, off_t offset, int whence)
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
} as const satisfies Deno.ForeignLibraryInterface;

let opened: Deno.StaticForeignLibraryInterface<typeof SYMBOLS> | undefined;

function libc(): Deno.StaticForeignLibraryInterface<typeof SYMBOLS> {
  return opened ??= Deno.dlopen("libc.so.6", SYMBOLS).symbols;
}

/** The descriptor is hidden: it is the one that stands where we put this file, and nowhere any other one would. */
function descriptorOf(file: Deno.FsFile): number {
  const before = file.seekSync(0, Deno.SeekMode.Current);
  const mark = 2 ** 40 + Math.floor(Math.random() * 2 ** 40);
  file.seekSync(mark, Deno.SeekMode.Start);
  try {
    for (let fd = 0; fd < DESCRIPTORS; fd++) {
      if (Number(libc().lseek(fd, 0n, SEEK_CUR)) === mark) return fd;
    }
  } finally {
    file.seekSync(before, Deno.SeekMode.Start);
  }
  throw new Error("Cannot find a file's descriptor");
}

/** As the runtime has it since 2.6. */
function tryLock(this: Deno.FsFile, exclusive = false): Promise<boolean> {
  const operation = (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB;
  return Promise.resolve(libc().flock(descriptorOf(this), operation) === 0);
}

/** As ECMAScript 2026 has it. */
function toHex(this: Uint8Array): string {
  return Array.from(this, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** As ECMAScript 2026 has it, for digits that are known to be such. */
function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

Object.defineProperty(Uint8Array, "fromHex", { value: fromHex });
Object.defineProperty(Deno.FsFile.prototype, "tryLock", { value: tryLock });
Object.defineProperty(Uint8Array.prototype, "toHex", { value: toHex });
