import { libc } from "../../../ffi/libc.ts";
import { encodeCString } from "../unix/files.ts";
import type { Reading } from "../hardware_ids.ts";
import type { ProcessIdentity } from "../../core/process.ts";
import { isDescendantOf, type ProcessFacts } from "../descendants.ts";

/** prctl(2), <linux/prctl.h>. */
const PR_SET_CHILD_SUBREAPER = 36;

/** waitid(2), <linux/wait.h>. */
const P_ALL = 0, WNOHANG = 1, WEXITED = 4, WNOWAIT = 0x0100_0000;

/** sizeof(siginfo_t), <bits/types/siginfo_t.h>. */
const SIGINFO_BYTES = 128, SI_PID_AT = 16;

/** Makes this process, not init, the parent of orphaned descendants (PR_SET_CHILD_SUBREAPER). */
export function adoptOrphans(): void {
  libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n);
}

/** Tells whether there is a child, and leaves zombies waitable (WNOWAIT). */
export function hasChildren(): boolean {
  return peek(new Uint8Array(SIGINFO_BYTES));
}

/** Returns the pid of any zombie child; siginfo_t.si_pid is 0 if there is none (waitid(2)). */
export function findEndedChild(): number | undefined {
  const info = new Uint8Array(SIGINFO_BYTES);
  const pid = peek(info) ? new DataView(info.buffer).getInt32(SI_PID_AT, true) : 0;
  return pid === 0 ? undefined : pid;
}

function peek(info: Uint8Array<ArrayBuffer>): boolean {
  return libc().waitid(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT) === 0;
}

/** <asm-generic/fcntl.h>; open(2). */
const O_RDONLY_CLOEXEC = 0o2000000;
/** <asm-generic/errno-base.h>; errno(3). */
const ENOENT = 2, EACCES = 13, ENOTDIR = 20;
const CHUNK_BYTES = 4096;

/**
 * Reads a small file below `/proc` by system calls, as the runtime allows `/proc` only with all permissions. `undefined` if
 * it cannot be read.
 */
export function readProcFile(path: string): string | undefined {
  const fd = libc().open(encodeCString(path), O_RDONLY_CLOEXEC);
  if (fd < 0) return undefined;
  try {
    return readAll(fd);
  } finally {
    libc().close(fd);
  }
}

/** As {@linkcode readProcFile}, also for `/sys`: returns the trimmed content or the reason of a failure. */
export function readKernelFile(path: string): Reading {
  const text = readProcFile(path);
  if (text !== undefined) return { value: text.trim() };
  // opened first, as opening a symbol may change errno
  const { errno_location, open } = libc();
  const fd = open(encodeCString(path), O_RDONLY_CLOEXEC);
  const errno = new Deno.UnsafePointerView(errno_location()!).getInt32();
  if (fd >= 0) libc().close(fd);
  if (fd < 0 && (errno === ENOENT || errno === ENOTDIR)) return { error: "not there" };
  if (fd < 0 && errno === EACCES) return { error: "permission denied" };
  return { error: fd < 0 ? `cannot be opened (errno ${errno})` : "cannot be read" };
}

/** Offset of `d_name` in `struct dirent` of 64-bit systems. */
const NAME_OFFSET = 19;

/** Lists the names in a folder below `/proc` or `/sys`, sorted; empty if it cannot be read. */
export function listKernelFolder(path: string): string[] {
  const { opendir, readdir, closedir } = libc();
  const folder = opendir(encodeCString(path));
  if (folder === null) return [];
  const names: string[] = [];
  for (let entry; (entry = readdir(folder)) !== null;) {
    names.push(new Deno.UnsafePointerView(entry).getCString(NAME_OFFSET));
  }
  closedir(folder);
  return names.filter((name) => name !== "." && name !== "..").sort();
}

/** Shared, as a process list reads hundreds of files. */
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

/** Fields of proc_pid_stat(5). */
interface Stat {
  readonly name: string;
  /** One letter: R, S, D, Z, T, t, X, I. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
  readonly startTicks: string;
}

/** Identifies a process against pid reuse; `undefined` if it has ended, also for a zombie. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  const bootId = readBootId();
  if (stat === undefined || stat.state === "Z" || bootId === undefined) return undefined;
  return { pid, startTime: stat.startTicks, bootId };
}

export function isDescendant(pid: number, ancestor: ProcessIdentity): boolean {
  return isDescendantOf(ancestor, pid, { readProcess: readFacts, readBootId });
}

function readFacts(pid: number): ProcessFacts | undefined {
  const stat = readStat(pid);
  return stat && { parent: stat.parent, session: stat.session, startTime: stat.startTicks };
}

function readStat(pid: number): Stat | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Parses fields 2 to 6 and 22 of proc_pid_stat(5); the second may contain spaces and parentheses. */
export function parseStat(text: string): Stat {
  const nameEnd = text.lastIndexOf(")");
  const fields = text.slice(nameEnd + 2).split(" ");
  return {
    name: text.slice(text.indexOf("(") + 1, nameEnd),
    state: fields[0]!,
    parent: Number(fields[1]),
    group: Number(fields[2]),
    session: Number(fields[3]),
    startTicks: fields[19]!,
  };
}

/** Reads the UUID of this boot (random(4)). */
export function readBootId(): string | undefined {
  return readProcFile("/proc/sys/kernel/random/boot_id")?.trim();
}
