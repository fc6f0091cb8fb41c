import { libc } from "../../ffi/libc.ts";
import { limitProcess } from "./linux_limits.ts";
import { readProcFile } from "./linux_proc.ts";
import { listPids } from "./linux_proc_folder.ts";
import { identifyProcess, parseStat, readBootId } from "./linux_processes.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessSignal,
  SignalOutcome,
} from "./process_control.ts";

/** System calls by number, the same on every architecture (<asm-generic/unistd.h>). */
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
export function linuxProcessControl(): ProcessControl {
  return {
    list: () => listPids().map(readListed).filter((entry) => entry !== undefined),
    identify: identifyProcess,
    bootId: readBootId,
    signal: (process, signal) => signalPinned(process, signal, 0n),
    signalGroup: (leader, signal) => signalPinned(leader, signal, PIDFD_SIGNAL_PROCESS_GROUP),
    variable: readVariable,
    reap: (pid) => libc().waitpid(pid, new Uint8Array(4), WNOHANG) === pid,
    residentBytes,
    limit: limitProcess,
    widenPipe,
  };
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
 * The pidfd is opened before the start time is read: where that is the expected one, the pid was this process's all the
 * time, and the pidfd is its own for good (pidfd_open(2)).
 */
function signalPinned(
  { pid, startTime }: Pick<ListedProcess, "pid" | "startTime">,
  signal: ProcessSignal,
  flags: bigint,
): SignalOutcome {
  const errno = errnoView();
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

/** `undefined` where the kernel does not know the flag. */
function signalByPidfd(
  pidfd: number | bigint,
  signal: ProcessSignal,
  flags: bigint,
): SignalOutcome | undefined {
  const errno = errnoView();
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

/** For kernels that have no pidfd_open(2) (before 5.3) or do not signal groups by it (before 6.9). */
function signalByPid(pid: number, signal: ProcessSignal): SignalOutcome {
  try {
    Deno.kill(pid, signal);
    return "sent";
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied ? "denied" : "gone";
  }
}

/** This thread's errno; opened before the call whose errno is wanted, and read in the statement right after it. */
function errnoView(): Deno.UnsafePointerView {
  return new Deno.UnsafePointerView(libc().errno_location()!);
}

/** proc_pid_environ(5): entries `name=value`, each closed by a NUL. */
function readVariable(pid: number, name: string): string | undefined {
  const entries = readProcFile(`/proc/${pid}/environ`)?.split("\0") ?? [];
  return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** VmRSS of proc_pid_status(5), which counts in kibibytes. */
function residentBytes(pid: number): number {
  const status = readProcFile(`/proc/${pid}/status`) ?? "";
  return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Opens the pipe anew by the writer's descriptor, as the runtime hides the reader's (fcntl(2), F_SETPIPE_SZ). */
function widenPipe(pid: number, descriptor: 1 | 2, bytes: number): void {
  const path = new TextEncoder().encode(`/proc/${pid}/fd/${descriptor}\0`);
  const fd = libc().open(path, O_RDONLY_NONBLOCK_CLOEXEC);
  if (fd < 0) return;
  libc().fcntl(fd, F_SETPIPE_SZ, bytes);
  libc().close(fd);
}
