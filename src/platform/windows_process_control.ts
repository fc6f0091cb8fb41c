import { kernel32 } from "../../ffi/kernel32.ts";
import type { ProcessIdentity } from "../core/process_identity.ts";
import { breakConsoleGroup, groupOf, leadsConsoleGroup } from "./windows_console_groups.ts";
import { isInOwnJob } from "./windows_job.ts";
import type {
  ListedProcess,
  ProcessControl,
  ProcessLimits,
  ProcessSignal,
  SignalOutcome,
} from "./process_control.ts";
import {
  identifyProcess,
  ProcessHandle,
  readBootId,
  snapshot,
  type SnapshotEntry,
} from "./windows_processes.ts";

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
