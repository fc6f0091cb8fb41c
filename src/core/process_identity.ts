/**
 * A process, told from every later one that gets the same pid.
 *
 * `startTime` is in the system's own unit since boot (Linux: clock ticks, proc_pid_stat(5) field 22); `bootId` changes
 * with every boot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}

export function isSameProcess(
  a: ProcessIdentity | undefined,
  b: ProcessIdentity | undefined,
): boolean {
  return a !== undefined && b !== undefined && a.pid === b.pid && a.startTime === b.startTime &&
    a.bootId === b.bootId;
}
