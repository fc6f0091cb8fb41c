/**
 * Whether a process is there and no zombie. Asks `cat`: the runtime lets only a program with all permissions read
 * `/proc`.
 */
export async function isRunning(pid: number): Promise<boolean> {
  const { success, stdout } = await new Deno.Command("cat", {
    args: [`/proc/${pid}/stat`],
    stderr: "null",
  }).output();
  return success && !/\) Z /.test(new TextDecoder().decode(stdout));
}

/** Bytes of a process's memory that are in RAM (proc_pid_status(5), VmRSS). */
export async function residentBytes(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("cat", { args: [`/proc/${pid}/status`] }).output();
  const [, kibibytes] = /VmRSS:\s+(\d+) kB/.exec(new TextDecoder().decode(stdout))!;
  return Number(kibibytes) * 1024;
}
