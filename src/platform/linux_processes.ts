import type { ProcessIdentity } from "../core/process_identity.ts";
import { isDescendantOf, type ProcessFacts } from "./descent.ts";
import { readProcFile } from "./linux_proc.ts";

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  readonly startTicks: string;
}

/** What tells a process from a later one with its pid, or `undefined` where it is gone; a zombie is as good as gone. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  const bootId = readBootId();
  if (stat === undefined || stat.state === "Z" || bootId === undefined) return undefined;
  return { pid, startTime: stat.startTicks, bootId };
}

/** Whether `pid` is the process or one that it has brought forth; see {@linkcode isDescendantOf}. */
export function isDescendant(pid: number, ancestor: ProcessIdentity): boolean {
  return isDescendantOf(ancestor, pid, { readProcess: readFacts, readBootId });
}

function readFacts(pid: number): ProcessFacts | undefined {
  const stat = readStat(pid);
  return stat && { parent: stat.parent, session: stat.session, startTime: stat.startTicks };
}

/** Fields 3, 4, 6 and 22 of proc_pid_stat(5); the second field may hold spaces and brackets. */
function readStat(pid: number): Stat | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return {
    state: fields[0]!,
    parent: Number(fields[1]),
    session: Number(fields[3]),
    startTicks: fields[19]!,
  };
}

function readBootId(): string | undefined {
  return readProcFile("/proc/sys/kernel/random/boot_id")?.trim();
}
