import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";

/** <asm-generic/fcntl.h>; open(2). */
const O_RDONLY_DIRECTORY_CLOEXEC = 0o2200000;
const CHUNK_BYTES = 32_768;

/** struct linux_dirent64 { u64 d_ino; i64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }; getdents64(2). */
const LENGTH_AT = 16, NAME_AT = 19;
const DIGIT_0 = 0x30, DIGIT_9 = 0x39;

/** The pids of all processes that can be seen, read by the system calls themselves (see {@linkcode readProcFile}). */
export function listPids(): number[] {
  const fd = libc().open(cString("/proc"), directoryFlags());
  if (fd < 0) throw new Error("Cannot list processes: /proc cannot be opened");
  const pids: number[] = [];
  const chunk = new Uint8Array(CHUNK_BYTES);
  try {
    for (;;) {
      const count = Number(libc().getdents64(fd, chunk, BigInt(CHUNK_BYTES)));
      if (count <= 0) return pids;
      collectPids(chunk.subarray(0, count), pids);
    }
  } finally {
    libc().close(fd);
  }
}

/** O_DIRECTORY differs: arm64 has its own <asm/fcntl.h>. */
function directoryFlags(): number {
  return Deno.build.arch === "aarch64" ? 0o2040000 : O_RDONLY_DIRECTORY_CLOEXEC;
}

function collectPids(entries: Uint8Array<ArrayBuffer>, pids: number[]): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  for (let at = 0; at < entries.length; at += view.getUint16(at + LENGTH_AT, true)) {
    const pid = parsePid(entries, at + NAME_AT);
    if (pid !== undefined) pids.push(pid);
  }
}

/** A name of digits only, closed by a NUL. */
function parsePid(bytes: Uint8Array, start: number): number | undefined {
  let pid = 0;
  for (let i = start; bytes[i] !== 0; i++) {
    const digit = bytes[i]!;
    if (digit < DIGIT_0 || digit > DIGIT_9) return undefined;
    pid = pid * 10 + digit - DIGIT_0;
  }
  return pid;
}
