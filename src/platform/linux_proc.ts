import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";
import type { Reading } from "./hardware.ts";

/** <asm-generic/fcntl.h>; open(2). */
const O_RDONLY_CLOEXEC = 0o2000000;
/** <asm-generic/errno-base.h>; errno(3). */
const ENOENT = 2, EACCES = 13, ENOTDIR = 20;
const CHUNK_BYTES = 4096;

/**
 * A small file below `/proc`, read by the system calls themselves: the runtime keeps `/proc` from every program that was
 * not given all permissions. `undefined` where it cannot be read.
 */
export function readProcFile(path: string): string | undefined {
  const fd = libc().open(cString(path), O_RDONLY_CLOEXEC);
  if (fd < 0) return undefined;
  try {
    return readAll(fd);
  } finally {
    libc().close(fd);
  }
}

/**
 * As {@linkcode readProcFile}, for `/sys` too, from which the runtime keeps programs likewise; says why where it cannot be
 * read. White space around the content is cut off.
 */
export function readKernelFile(path: string): Reading {
  const text = readProcFile(path);
  if (text !== undefined) return { value: text.trim() };
  // opened before the call whose errno is asked for
  const { errno_location, open } = libc();
  const fd = open(cString(path), O_RDONLY_CLOEXEC);
  const errno = new Deno.UnsafePointerView(errno_location()!).getInt32();
  if (fd >= 0) libc().close(fd);
  if (fd < 0 && (errno === ENOENT || errno === ENOTDIR)) return { error: "not there" };
  if (fd < 0 && errno === EACCES) return { error: "permission denied" };
  return { error: fd < 0 ? `cannot be opened (errno ${errno})` : "cannot be read" };
}

/** `d_name` in `struct dirent` of 64-bit systems: behind d_ino, d_off, d_reclen and d_type. */
const NAME_OFFSET = 19;

/** The names in a folder below `/proc` or `/sys`, sorted; none where it cannot be read. */
export function listKernelFolder(path: string): string[] {
  const { opendir, readdir, closedir } = libc();
  const folder = opendir(cString(path));
  if (folder === null) return [];
  const names: string[] = [];
  for (let entry; (entry = readdir(folder)) !== null;) {
    names.push(new Deno.UnsafePointerView(entry).getCString(NAME_OFFSET));
  }
  closedir(folder);
  return names.filter((name) => name !== "." && name !== "..").sort();
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
