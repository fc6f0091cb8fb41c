import { libc } from "../../ffi/libc.ts";

/** <asm-generic/fcntl.h>; open(2). */
const O_RDONLY_CLOEXEC = 0o2000000;
const CHUNK_BYTES = 4096;

const UTF8 = new TextEncoder();

/**
 * A small file below `/proc`, read by the system calls themselves: the runtime keeps `/proc` from every program that was
 * not given all permissions. `undefined` where it cannot be read.
 */
export function readProcFile(path: string): string | undefined {
  const fd = libc().open(UTF8.encode(path + "\0"), O_RDONLY_CLOEXEC);
  if (fd < 0) return undefined;
  try {
    return readAll(fd);
  } finally {
    libc().close(fd);
  }
}

/** One for all, as looking at all processes reads hundreds of files. */
const chunk = new Uint8Array(CHUNK_BYTES);

function readAll(fd: number): string | undefined {
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const count = Number(libc().read(fd, chunk, BigInt(CHUNK_BYTES)));
    if (count < 0) return undefined;
    if (count === 0) return text;
    text += decoder.decode(chunk.subarray(0, count), { stream: true });
  }
}
