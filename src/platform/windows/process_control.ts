import { kernel32 } from "../../../ffi/kernel32.ts";
import type { ProcessIdentity } from "../../core/process.ts";
import { breakConsoleGroup, findGroup, leadsConsoleGroup } from "./console.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "../process_contract.ts";
import {
  identifyProcess,
  listSnapshot,
  ProcessHandle,
  readBootId,
  type SnapshotEntry,
} from "./processes.ts";

/** winnt.h: JobObjectExtendedLimitInformation, its size on 64-bit systems, offset of LimitFlags. */
const EXTENDED_LIMITS = 9, LIMITS_BYTES = 144, FLAGS_AT = 16;
const KILL_ON_JOB_CLOSE = 0x2000, CURRENT_PROCESS = 0xFFFF_FFFF_FFFF_FFFFn;

let ownJob: bigint | undefined;

/**
 * Puts this process into a job that ends with it. Later children and their descendants are in the job and cannot outlive
 * this process. May be called again.
 */
export function enterOwnJob(): void {
  if (ownJob !== undefined) return;
  const { CreateJobObjectW, SetInformationJobObject, AssignProcessToJobObject } = kernel32();
  const job = CreateJobObjectW(null, null);
  const limits = new DataView(new ArrayBuffer(LIMITS_BYTES));
  limits.setUint32(FLAGS_AT, KILL_ON_JOB_CLOSE, true);
  if (job === 0n || SetInformationJobObject(job, EXTENDED_LIMITS, limits, LIMITS_BYTES) === 0) {
    throw new Error("Cannot create a job object");
  }
  if (AssignProcessToJobObject(job, CURRENT_PROCESS) === 0) {
    throw new Error("Cannot assign this process to a job object");
  }
  ownJob = job;
}

/** Tells whether a process descends from this one. */
function isInOwnJob(process: bigint): boolean {
  if (ownJob === undefined) return false;
  const isInside = new Int32Array(1);
  return kernel32().IsProcessInJob(process, ownJob, isInside) !== 0 && isInside[0] !== 0;
}

type Target = Pick<ListedProcess, "pid" | "startTime">;

/** Signals that terminate a process: only groups on this console can be asked to stop. */
const TERMINATING: readonly ProcessSignal[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGKILL"];

/** PROCESS_MEMORY_COUNTERS: WorkingSetSize at 16. */
const COUNTERS_BYTES = 72, WORKING_SET_AT = 16;

/** Controls processes. The only signals are termination and, for groups on this console, Ctrl-Break. */
export class WindowsProcessControl implements ProcessControl {
  /** Lists an orphaned descendant as a child of this process. */
  list(): ListedProcess[] {
    const entries = listSnapshot();
    const pids = new Set(entries.map(({ pid }) => pid));
    const listed = entries
      .map((entry) => describe(entry, pids))
      .filter((entry) => entry !== undefined);
    const byPid = new Map(listed.map((entry) => [entry.pid, entry]));
    return listed.map((entry) => ({ ...entry, group: findGroup(entry, byPid, leadsConsoleGroup) }));
  }

  identify(pid: number): ProcessIdentity | undefined {
    return identifyProcess(pid);
  }

  bootId(): string {
    return readBootId();
  }

  signal({ pid, startTime }: Target, signal: ProcessSignal): SignalOutcome {
    if (identifyProcess(pid)?.startTime !== startTime) return "gone";
    if (!TERMINATING.includes(signal)) return "sent";
    using process = ProcessHandle.open(pid, { toTerminate: true });
    if (process === undefined) return "denied";
    if (process.startTime !== startTime || !process.isAlive()) return "gone";
    if (process.terminate()) return "sent";
    return process.isAlive() ? "denied" : "gone";
  }

  /** Sends Ctrl-Break to a group on this console; otherwise signals the leader only. */
  signalGroup(leader: Target, signal: ProcessSignal): SignalOutcome {
    const isAsked = TERMINATING.includes(signal) && signal !== "SIGKILL" &&
      identifyProcess(leader.pid)?.startTime === leader.startTime &&
      breakConsoleGroup(leader.pid);
    return isAsked ? "sent" : this.signal(leader, signal);
  }

  /** Not supported. */
  variable(): undefined {
    return undefined;
  }

  isInContainer(): boolean {
    return false;
  }

  /** Not needed. */
  reap(): boolean {
    return false;
  }

  residentBytes(pid: number): number {
    using process = ProcessHandle.open(pid);
    const counters = new DataView(new ArrayBuffer(COUNTERS_BYTES));
    const { K32GetProcessMemoryInfo } = kernel32();
    const isRead = process !== undefined &&
      K32GetProcessMemoryInfo(process.handle, counters, COUNTERS_BYTES) !== 0;
    return isRead ? Number(counters.getBigUint64(WORKING_SET_AT, true)) : 0;
  }

  /** Not supported. */
  limit(_pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
    return Object.keys(limits) as (keyof ProcessLimits)[];
  }

  /** Not supported. */
  widenPipe(): void {}
}

function describe(
  { pid, parent, name }: SnapshotEntry,
  pids: ReadonlySet<number>,
): Omit<ListedProcess, "group"> | undefined {
  using process = ProcessHandle.open(pid);
  const startTime = process?.startTime;
  if (process === undefined || startTime === undefined) return undefined;
  const isAdopted = !pids.has(parent) && isInOwnJob(process.handle);
  return {
    pid,
    parent: isAdopted ? Deno.pid : parent,
    // Windows has no such sessions
    session: 0,
    startTime,
    state: process.isAlive() ? "alive" : "ended",
    name,
  };
}
