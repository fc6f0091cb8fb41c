import type { Libsystem } from "../../ffi/libsystem.ts";
import type { ProcessIdentity } from "../core/process_identity.ts";
import { readBootId, readProcessInfo } from "./macos_processes.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "./process_control.ts";

/** <sys/proc_info.h>. */
const PROC_PIDTASKINFO = 4, TASKINFO_BYTES = 96;

/** Room for processes that begin between the two calls. */
const SPARE = 64;

/** Processes on macOS, by proc_listallpids and proc_pidinfo (<libproc.h>); not yet run on a Mac. */
export function macosProcessControl(lib: Libsystem): ProcessControl {
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

  /** The environment of another process is not to be had without its arguments' whole page. */
  variable(): undefined {
    return undefined;
  }

  /** Orphans become launchd's children, never ours. */
  reap(): boolean {
    return false;
  }

  /** `struct proc_taskinfo`: u64 `pti_resident_size` at 8. */
  residentBytes(pid: number): number {
    const info = new DataView(new ArrayBuffer(TASKINFO_BYTES));
    const length = this.#lib.proc_pidinfo(pid, PROC_PIDTASKINFO, 0n, info, TASKINFO_BYTES);
    return length === TASKINFO_BYTES ? Number(info.getBigUint64(8, true)) : 0;
  }

  /** A running process's limits cannot be set from outside. */
  limit(_pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
    return Object.keys(limits) as (keyof ProcessLimits)[];
  }

  /** The system has no way to. */
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
