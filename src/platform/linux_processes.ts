import type { ProcessIdentity } from "../core/process_identity.ts";
import { readProcFile } from "./linux_proc.ts";

/** More generations than any tree has; ends the walk where `/proc` changes under it. */
const MAX_GENERATIONS = 1024;

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

/**
 * Whether `pid` is the ancestor itself, a descendant of it by its line of parents, or a member of the session that the
 * ancestor leads: a session cannot be joined from outside (setsid(2)), so that finds orphans too.
 *
 * A pid that was given anew is recognised by its start time: the ancestor's must be the recorded one, and nobody is
 * older than his parent.
 */
export function isDescendant(pid: number, ancestor: ProcessIdentity): boolean {
  const root = readStat(ancestor.pid);
  if (root?.startTicks !== ancestor.startTime || readBootId() !== ancestor.bootId) return false;
  let current = pid;
  let childTicks = Infinity;
  for (let i = 0; i < MAX_GENERATIONS && current > 1; i++) {
    const stat = readStat(current);
    if (stat === undefined || Number(stat.startTicks) > childTicks) return false;
    if (current === ancestor.pid) return true;
    childTicks = Number(stat.startTicks);
    if (stat.session === ancestor.pid && childTicks >= Number(root.startTicks)) return true;
    current = stat.parent;
  }
  return false;
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

/** Changes with every boot (random(4)); `undefined` where it cannot be read. */
export function readBootId(): string | undefined {
  return readProcFile("/proc/sys/kernel/random/boot_id")?.trim();
}
