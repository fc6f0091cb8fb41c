import type { ProcessIdentity } from "../core/process_identity.ts";
import { isDescendantOf, type ProcessFacts } from "./descent.ts";
import { readProcFile } from "./linux_proc.ts";

/** What proc_pid_stat(5) says. */
export interface Stat {
  readonly name: string;
  /** One letter: R, S, D, Z, T, t, X, I. */
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Clock ticks since boot. */
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

function readStat(pid: number): Stat | undefined {
  const text = readProcFile(`/proc/${pid}/stat`);
  return text === undefined ? undefined : parseStat(text);
}

/** Fields 2 to 6 and 22 of proc_pid_stat(5); the second field may hold spaces and brackets. */
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

/** A UUID that changes with every boot (random(4)); `undefined` where it cannot be read. */
export function readBootId(): string | undefined {
  return readProcFile("/proc/sys/kernel/random/boot_id")?.trim();
}
