import { libc } from "../../../ffi/libc.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "../process_contract.ts";
import { encodeCString } from "../unix/files.ts";
import { identifyProcess, parseStat, readBootId, readProcFile } from "./proc.ts";

/** <asm-generic/resource.h>; getrlimit(2). */
const RESOURCES: Readonly<Record<keyof ProcessLimits, number>> = {
  fileBytes: 1,
  coreBytes: 4,
  processes: 6,
  openFiles: 7,
  addressSpaceBytes: 9,
};

/** Sets limits by prlimit(2); returns the names of the refused ones. */
function limitProcess(pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
  const refused: (keyof ProcessLimits)[] = [];
  for (const name of Object.keys(RESOURCES) as (keyof ProcessLimits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    // struct rlimit { rlim_t rlim_cur; rlim_t rlim_max; }, 64 bits each
    const both = new BigUint64Array([BigInt(value), BigInt(value)]);
    const old = new BigUint64Array(2);
    if (libc().prlimit(pid, RESOURCES[name], both, old) !== 0) refused.push(name);
  }
  return refused;
}

/** <asm-generic/fcntl.h>; open(2). */
const O_RDONLY_DIRECTORY_CLOEXEC = 0o2200000;
const CHUNK_BYTES = 32_768;

/** struct linux_dirent64 { u64 d_ino; i64 d_off; u16 d_reclen; u8 d_type; char d_name[]; }; getdents64(2). */
const LENGTH_AT = 16, NAME_AT = 19;
const DIGIT_0 = 0x30, DIGIT_9 = 0x39;

/** Lists the pids of all visible processes by system calls (see {@linkcode readProcFile}). */
function listPids(): number[] {
  const fd = libc().open(encodeCString("/proc"), chooseDirectoryFlags());
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
function chooseDirectoryFlags(): number {
  return Deno.build.arch === "aarch64" ? 0o2040000 : O_RDONLY_DIRECTORY_CLOEXEC;
}

function collectPids(entries: Uint8Array<ArrayBuffer>, pids: number[]): void {
  const view = new DataView(entries.buffer, entries.byteOffset, entries.length);
  for (let at = 0; at < entries.length; at += view.getUint16(at + LENGTH_AT, true)) {
    const pid = parsePid(entries, at + NAME_AT);
    if (pid !== undefined) pids.push(pid);
  }
}

/** Parses a NUL-terminated name if it has digits only. */
function parsePid(bytes: Uint8Array, start: number): number | undefined {
  let pid = 0;
  for (let i = start; bytes[i] !== 0; i++) {
    const digit = bytes[i]!;
    if (digit < DIGIT_0 || digit > DIGIT_9) return undefined;
    pid = pid * 10 + digit - DIGIT_0;
  }
  return pid;
}

/** System call numbers on every architecture (<asm-generic/unistd.h>). */
const SYS_pidfd_send_signal = 424n, SYS_pidfd_open = 434n;

/** <asm-generic/errno-base.h>, <asm-generic/errno.h>. */
const EPERM = 1, EINVAL = 22, ENOSYS = 38;

/** pidfd_send_signal(2), <linux/pidfd.h>; since Linux 6.9. */
const PIDFD_SIGNAL_PROCESS_GROUP = 4n;

/** waitpid(2). */
const WNOHANG = 1;

/** <linux/fcntl.h>, <asm-generic/fcntl.h>; fcntl(2). */
const F_SETPIPE_SZ = 1031, O_RDONLY_NONBLOCK_CLOEXEC = 0o2004000;

/** signal(7); the same on x86-64 and arm64. */
const SIGNAL_NUMBERS: Readonly<Record<ProcessSignal, bigint>> = {
  SIGHUP: 1n,
  SIGINT: 2n,
  SIGQUIT: 3n,
  SIGKILL: 9n,
  SIGUSR1: 10n,
  SIGUSR2: 12n,
  SIGTERM: 15n,
  SIGCONT: 18n,
  SIGSTOP: 19n,
  SIGWINCH: 28n,
};

/** Processes by `/proc`, pidfd and waitpid(2). */
export function createLinuxProcessControl(): ProcessControl {
  return {
    list: () => listPids().map(readListed).filter((entry) => entry !== undefined),
    identify: identifyProcess,
    bootId: readBootId,
    signal: (process, signal) => signalPinned(process, signal, 0n),
    signalGroup: (leader, signal) => signalPinned(leader, signal, PIDFD_SIGNAL_PROCESS_GROUP),
    variable: readVariable,
    isInContainer,
    reap: (pid) => libc().waitpid(pid, new Uint8Array(4), WNOHANG) === pid,
    residentBytes: readResidentBytes,
    limit: limitProcess,
    widenPipe,
  };
}

/** Such a process has a number in each PID namespace from ours down to its own; proc_pid_status(5), NSpid. */
function isInContainer(pid: number): boolean {
  const [, numbers = ""] = /^NSpid:\s*(.*)$/m.exec(readProcFile(`/proc/${pid}/status`) ?? "") ?? [];
  return numbers.trim().includes("\t");
}

function readListed(pid: number): ListedProcess | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const { state, parent, group, session, startTicks, name } = parseStat(text);
  return {
    pid,
    parent,
    group,
    session,
    startTime: startTicks,
    name,
    state: state === "Z" || state === "X" ? "ended" : state === "D" ? "uninterruptible" : "alive",
  };
}

/**
 * Signals a process, or with the flag the group that it leads.
 *
 * Opens the pidfd before it reads the start time: if that matches, the pidfd refers to this process (pidfd_open(2)).
 */
function signalPinned(
  { pid, startTime }: Pick<ListedProcess, "pid" | "startTime">,
  signal: ProcessSignal,
  flags: bigint,
): SignalOutcome {
  const errno = viewErrno();
  const pidfd = libc().pidfd_open(SYS_pidfd_open, BigInt(pid), 0n);
  const unsupported = pidfd < 0 && errno.getInt32() === ENOSYS;
  if (pidfd < 0 && !unsupported) return "gone";
  try {
    if (identifyProcess(pid)?.startTime !== startTime) return "gone";
    const byPid = () => signalByPid(flags === PIDFD_SIGNAL_PROCESS_GROUP ? -pid : pid, signal);
    return (unsupported ? undefined : signalByPidfd(pidfd, signal, flags)) ?? byPid();
  } finally {
    if (pidfd >= 0) libc().close(Number(pidfd));
  }
}

/** Returns `undefined` if the kernel does not support the flag. */
function signalByPidfd(
  pidfd: number | bigint,
  signal: ProcessSignal,
  flags: bigint,
): SignalOutcome | undefined {
  const errno = viewErrno();
  const result = libc().pidfd_send_signal(
    SYS_pidfd_send_signal,
    BigInt(pidfd),
    SIGNAL_NUMBERS[signal],
    0n,
    flags,
  );
  if (result >= 0) return "sent";
  const code = errno.getInt32();
  return code === EINVAL ? undefined : code === EPERM ? "denied" : "gone";
}

/** For kernels without pidfd_open(2) (before 5.3) or without group signals by pidfd (before 6.9). */
function signalByPid(pid: number, signal: ProcessSignal): SignalOutcome {
  try {
    Deno.kill(pid, signal);
    return "sent";
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied ? "denied" : "gone";
  }
}

/** Views this thread's errno. Open it before the call in question, and read it right after. */
function viewErrno(): Deno.UnsafePointerView {
  return new Deno.UnsafePointerView(libc().errno_location()!);
}

/** proc_pid_environ(5): NUL-terminated entries `name=value`. */
function readVariable(pid: number, name: string): string | undefined {
  const entries = readProcFile(`/proc/${pid}/environ`)?.split("\0") ?? [];
  return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** VmRSS of proc_pid_status(5), in KiB. */
function readResidentBytes(pid: number): number {
  const status = readProcFile(`/proc/${pid}/status`) ?? "";
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Opens the pipe through the writer's descriptor, as the runtime hides the reader's (fcntl(2), F_SETPIPE_SZ). */
function widenPipe(pid: number, descriptor: 1 | 2, bytes: number): void {
  const path = new TextEncoder().encode(`/proc/${pid}/fd/${descriptor}\0`);
  const fd = libc().open(path, O_RDONLY_NONBLOCK_CLOEXEC);
  if (fd < 0) return;
  libc().fcntl(fd, F_SETPIPE_SZ, bytes);
  libc().close(fd);
}
