import { listKernelFolder, readProcFile } from "./linux_proc.ts";

/** The rights of one thread, as proc_pid_status(5) shows them. */
export interface ThreadRights {
  readonly thread: number;
  /** Real, effective, saved and of the file system. */
  readonly users: readonly number[];
  readonly groupIds: readonly number[];
  /** Supplementary ones, sorted. */
  readonly groups: readonly number[];
  readonly noNewPrivileges: boolean;
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

/** The rights of every thread of this process; none where `/proc` is not there. */
export function allThreadRights(): ThreadRights[] {
  return listKernelFolder("/proc/self/task").flatMap((thread) => {
    const status = readProcFile(`/proc/self/task/${thread}/status`);
    // it may have ended meanwhile
    return status === undefined ? [] : [parseStatus(Number(thread), status)];
  });
}

/** The real user of a process; `undefined` where it is gone. */
export function realUserOf(pid: number): number | undefined {
  const status = readProcFile(`/proc/${pid}/status`);
  return status === undefined ? undefined : parseStatus(pid, status).users[0];
}

function parseStatus(thread: number, status: string): ThreadRights {
  const field = (name: string) => {
    const text = new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1];
    // what cannot be seen must not count as harmless
    if (text === undefined) throw new Error(`Cannot find ${name} in the status of a thread`);
    return text.trim();
  };
  const numbers = (name: string) => field(name).split(/\s+/).filter(Boolean).map(Number);
  const set = (name: string) => BigInt(`0x${field(name)}`);
  return {
    thread,
    users: numbers("Uid"),
    groupIds: numbers("Gid"),
    groups: numbers("Groups").sort((a, b) => a - b),
    noNewPrivileges: field("NoNewPrivs") === "1",
    inheritable: set("CapInh"),
    permitted: set("CapPrm"),
    effective: set("CapEff"),
    bounding: set("CapBnd"),
    ambient: set("CapAmb"),
  };
}
