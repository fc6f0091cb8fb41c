/**
 * A process, told from every later one that gets the same pid.
 *
 * `startTime` is a whole number in the system's own unit (Linux: clock ticks since boot, proc_pid_stat(5) field 22; macOS:
 * microseconds since the Unix epoch, `struct proc_bsdinfo`); `bootId` changes with every boot.
 */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: string;
  readonly bootId: string;
}
