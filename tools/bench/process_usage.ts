/** Clock ticks of /proc per second; sysconf(3), _SC_CLK_TCK. */
export const TICKS_PER_SECOND = 100;

/** What a process has used so far. */
export interface Usage {
  /** CPU time in clock ticks. */
  readonly ticks: number;
  /** How often each thread has slept and woken. */
  readonly switches: ReadonlyMap<string, number>;
}

/** proc_pid_stat(5), proc_pid_status(5). */
export async function readUsage(pid: number): Promise<Usage> {
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `cat /proc/${pid}/stat; cat /proc/${pid}/task/*/status`],
  }).output();
  const text = new TextDecoder().decode(stdout);
  const fields = text.slice(text.indexOf(")") + 2).split(" ");
  const threads = text.matchAll(/^Pid:\s+(\d+)$[^]*?^voluntary_ctxt_switches:\s+(\d+)$/gm);
  return {
    // utime and stime
    ticks: Number(fields[11]) + Number(fields[12]),
    switches: new Map(Array.from(threads, ([, thread, count]) => [thread!, Number(count)])),
  };
}
