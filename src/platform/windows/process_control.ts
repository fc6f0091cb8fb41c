import { kernel32 } from "../../../ffi/kernel32.ts";
import type { ProcessIdentity } from "../../core/process.ts";
import { breakConsoleGroup, groupOf, leadsConsoleGroup } from "./console.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "../process_contract.ts";
import {
  identifyProcess,
  ProcessHandle,
  readBootId,
  snapshot,
  type SnapshotEntry,
} from "./processes.ts";

/** winnt.h: JobObjectExtendedLimitInformation, its size on 64-bit systems, and where its LimitFlags are. */
const EXTENDED_LIMITS = 9, LIMITS_BYTES = 144, FLAGS_AT = 16;
const KILL_ON_JOB_CLOSE = 0x2000, CURRENT_PROCESS = 0xFFFF_FFFF_FFFF_FFFFn;

let ownJob: bigint | undefined;

/**
 * Puts ourselves into a job that ends with us, and with it all that is in it: whatever we launch from now on is born into
 * it, and cannot outlive us, however we end. May be called again.
 */
export function enterOwnJob(): void {
  if (ownJob !== undefined) return;
  const { CreateJobObjectW, SetInformationJobObject, AssignProcessToJobObject } = kernel32();
  const job = CreateJobObjectW(null, null);
  const limits = new DataView(new ArrayBuffer(LIMITS_BYTES));
  limits.setUint32(FLAGS_AT, KILL_ON_JOB_CLOSE, true);
  if (job === 0n || SetInformationJobObject(job, EXTENDED_LIMITS, limits, LIMITS_BYTES) === 0) {
    throw new Error("Cannot make a job object");
  }
  if (AssignProcessToJobObject(job, CURRENT_PROCESS) === 0) {
    throw new Error("Cannot put ourselves into a job object");
  }
  ownJob = job;
}

/** Whether a process was born of us, at whatever remove. */
function isInOwnJob(process: bigint): boolean {
  if (ownJob === undefined) return false;
  const isInside = new Int32Array(1);
  return kernel32().IsProcessInJob(process, ownJob, isInside) !== 0 && isInside[0] !== 0;
}

type Target = Pick<ListedProcess, "pid" | "startTime">;

/** What asks for an end is the end: nobody can be asked but a group on our console, and only as a whole. */
const ENDING: readonly ProcessSignal[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGKILL"];

/** PROCESS_MEMORY_COUNTERS: WorkingSetSize at 16. */
const COUNTERS_BYTES = 72, WORKING_SET_AT = 16;

/** Processes on Windows: there are no signals but the end and, for groups on our console, Ctrl-Break. */
export class WindowsProcessControl implements ProcessControl {
  /** A process whose parent has ended and who was born of us is listed as our child. */
  list(): ListedProcess[] {
    const entries = snapshot();
    const pids = new Set(entries.map(({ pid }) => pid));
    const listed = entries
      .map((entry) => describe(entry, pids))
      .filter((entry) => entry !== undefined);
    const byPid = new Map(listed.map((entry) => [entry.pid, entry]));
    return listed.map((entry) => ({ ...entry, group: groupOf(entry, byPid, leadsConsoleGroup) }));
  }

  identify(pid: number): ProcessIdentity | undefined {
    return identifyProcess(pid);
  }

  bootId(): string {
    return readBootId();
  }

  signal({ pid, startTime }: Target, signal: ProcessSignal): SignalOutcome {
    if (identifyProcess(pid)?.startTime !== startTime) return "gone";
    if (!ENDING.includes(signal)) return "sent";
    using process = ProcessHandle.open(pid, { toTerminate: true });
    if (process === undefined) return "denied";
    if (process.startTime !== startTime || !process.isAlive()) return "gone";
    if (process.terminate()) return "sent";
    return process.isAlive() ? "denied" : "gone";
  }

  /** A group on our console is asked by Ctrl-Break; everybody else is found as a descendant of the leader. */
  signalGroup(leader: Target, signal: ProcessSignal): SignalOutcome {
    const isAsked = ENDING.includes(signal) && signal !== "SIGKILL" &&
      identifyProcess(leader.pid)?.startTime === leader.startTime &&
      breakConsoleGroup(leader.pid);
    return isAsked ? "sent" : this.signal(leader, signal);
  }

  /** The environment of another process is not to be had. */
  variable(): undefined {
    return undefined;
  }

  /** Nobody has to take note of an end. */
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

  /** There are no such limits. */
  limit(_pid: number, limits: ProcessLimits): (keyof ProcessLimits)[] {
    return Object.keys(limits) as (keyof ProcessLimits)[];
  }

  /** The runtime chose its size. */
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
    // there are no sessions in this sense
    session: 0,
    startTime,
    state: process.isAlive() ? "alive" : "ended",
    name,
  };
}
