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
