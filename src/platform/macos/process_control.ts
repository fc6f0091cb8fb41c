import type { Libsystem } from "../../../ffi/libsystem.ts";
import { encodeCString } from "../unix/files.ts";
import type { ProcessFacts } from "../descendants.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "../process_contract.ts";
import type { ProcessIdentity } from "../../core/process.ts";

/** <sys/proc_info.h>, <sys/proc.h>. */
const PROC_PIDTBSDINFO = 3, PROC_PIDUNIQIDENTIFIERINFO = 17, SZOMB = 5, PROC_FLAG_TRACED = 2;

/** `sizeof(struct proc_bsdinfo)`, `sizeof(struct proc_uniqidentifierinfo)`. */
const BSDINFO_BYTES = 136, UNIQIDENTIFIERINFO_BYTES = 56;

/** Length of a UUID as text with its NUL. */
const UUID_TEXT_BYTES = 37;

/** Reads a process; `undefined` if it has ended, is a zombie, or belongs to another user. */
export function readProcess(lib: Libsystem, pid: number): ProcessFacts | undefined {
  const info = readProcessInfo(lib, pid);
  return info?.state === "ended" ? undefined : info;
}

/**
 * Reads a process by proc_pidinfo; `undefined` if it has ended or belongs to another user.
 *
 * `struct proc_bsdinfo` (<sys/proc_info.h>): u32 `pbi_status` at 4, u32 `pbi_ppid` at 16, char `pbi_comm[16]` at 48, u32
 * `pbi_pgid` at 100, u64 `pbi_start_tvsec` at 120, u64 `pbi_start_tvusec` at 128. The start is wall time: if the
 * clock is set back between the starts of parent and child, the child is not recognized, which is the safe side.
 */
function readProcessInfo(lib: Libsystem, pid: number): ListedProcess | undefined {
  const info = readBsdInfo(lib, pid);
  if (info === undefined) return undefined;
  const startMicroseconds = info.getBigUint64(120, true) * 1_000_000n +
    info.getBigUint64(128, true);
  return {
    pid,
    parent: info.getUint32(16, true),
    group: info.getUint32(100, true),
    session: lib.getsid(pid),
    startTime: String(startMicroseconds),
    state: info.getUint32(4, true) === SZOMB ? "ended" : "alive",
    name: new TextDecoder().decode(new Uint8Array(info.buffer, 48, 16)).split("\0")[0]!,
  };
}

/** Tells whether a debugger traces a process: P_TRACED (<sys/proc.h>) in u32 `pbi_flags` at 0. */
export function isTraced(lib: Libsystem, pid: number): boolean {
  const flags = readBsdInfo(lib, pid)?.getUint32(0, true) ?? 0;
  return (flags & PROC_FLAG_TRACED) !== 0;
}

function readBsdInfo(lib: Libsystem, pid: number): DataView<ArrayBuffer> | undefined {
  const info = new DataView(new ArrayBuffer(BSDINFO_BYTES));
  const length = lib.proc_pidinfo(pid, PROC_PIDTBSDINFO, 0n, info, BSDINFO_BYTES);
  return length === BSDINFO_BYTES ? info : undefined;
}

/**
 * Reads the process's unique id within this boot, which execve(2) preserves; `undefined` if it has ended.
 *
 * `struct proc_uniqidentifierinfo` (<sys/proc_info_private.h>): u64 `p_uniqueid` at 16.
 */
export function readUniqueId(lib: Libsystem, pid: number): bigint | undefined {
  const info = new DataView(new ArrayBuffer(UNIQIDENTIFIERINFO_BYTES));
  const flavor = PROC_PIDUNIQIDENTIFIERINFO;
  const length = lib.proc_pidinfo(pid, flavor, 0n, info, UNIQIDENTIFIERINFO_BYTES);
  return length === UNIQIDENTIFIERINFO_BYTES ? info.getBigUint64(16, true) : undefined;
}

/** Reads the UUID of this boot: sysctl `kern.bootsessionuuid`. */
export function readBootId(lib: Libsystem): string | undefined {
  const name = encodeCString("kern.bootsessionuuid");
  const value = new Uint8Array(UUID_TEXT_BYTES);
  const length = new BigUint64Array([BigInt(value.length)]);
  if (lib.sysctlbyname(name, value, length, null, 0n) !== 0) return undefined;
  const text = new TextDecoder().decode(value.subarray(0, Number(length[0])));
  return text.split("\0")[0] || undefined;
}

/** Reads the hardware's UUID, `IOPlatformUUID`; gethostuuid(2). */
export function readHostUuid(lib: Libsystem): string | undefined {
  const id = new Uint8Array(16);
  // struct timespec { time_t tv_sec; long tv_nsec; }: do not wait
  if (lib.gethostuuid(id, new BigInt64Array(2)) !== 0) return undefined;
  const hex = id.toHex();
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
    .join("-");
}

/** <sys/proc_info.h>. */
const PROC_PIDTASKINFO = 4, TASKINFO_BYTES = 96;

/** Room for processes that start between the two calls. */
const SPARE = 64;

/** Controls processes by proc_listallpids and proc_pidinfo (<libproc.h>); not yet run on a Mac. */
export function createMacosProcessControl(lib: Libsystem): ProcessControl {
  return new MacosProcessControl(lib);
}

class MacosProcessControl implements ProcessControl {
  readonly #lib: Libsystem;

  constructor(lib: Libsystem) {
    this.#lib = lib;
  }

  list(): ListedProcess[] {
    const pids = new Int32Array(this.#lib.proc_listallpids(null, 0) + SPARE);
    const count = this.#lib.proc_listallpids(pids, pids.byteLength);
    return Array.from(pids.subarray(0, count))
      .map((pid) => readProcessInfo(this.#lib, pid))
      .filter((info) => info !== undefined);
  }

  identify(pid: number): ProcessIdentity | undefined {
    const info = readProcessInfo(this.#lib, pid);
    const bootId = this.bootId();
    if (info === undefined || info.state === "ended" || bootId === undefined) return undefined;
    return { pid, startTime: info.startTime, bootId };
  }

  bootId(): string | undefined {
    return readBootId(this.#lib);
  }

  signal(process: Pick<ListedProcess, "pid" | "startTime">, signal: ProcessSignal): SignalOutcome {
    return this.#isStill(process) ? send(process.pid, signal) : "gone";
  }

  signalGroup(
    leader: Pick<ListedProcess, "pid" | "startTime">,
    signal: ProcessSignal,
  ): SignalOutcome {
    return this.#isStill(leader) ? send(-leader.pid, signal) : "gone";
  }

  /** Not supported. */
  variable(): undefined {
    return undefined;
  }

  isInContainer(): boolean {
    return false;
  }

  /** Orphans become children of launchd. */
  reap(): boolean {
    return false;
  }

  /** `struct proc_taskinfo`: u64 `pti_resident_size` at 8. */
  residentBytes(pid: number): number {
    const info = new DataView(new ArrayBuffer(TASKINFO_BYTES));
    const length = this.#lib.proc_pidinfo(pid, PROC_PIDTASKINFO, 0n, info, TASKINFO_BYTES);
    return length === TASKINFO_BYTES ? Number(info.getBigUint64(8, true)) : 0;
  }

  /** Not supported for another process. */
  limit(_pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
    return Object.keys(limits) as (keyof ProcessLimits)[];
  }

  /** Not supported. */
  widenPipe(): void {}

  #isStill({ pid, startTime }: Pick<ListedProcess, "pid" | "startTime">): boolean {
    return readProcessInfo(this.#lib, pid)?.startTime === startTime;
  }
}

function send(target: number, signal: ProcessSignal): SignalOutcome {
  try {
    Deno.kill(target, signal);
    return "sent";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "gone";
    if (error instanceof Deno.errors.PermissionDenied) return "denied";
    throw error;
  }
}
