/** What a command is run as. */
export interface TimedCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Milliseconds from the start of a command to its first byte on standard output (its end where there is none), and to its end. */
export interface RunTimes {
  readonly firstByteMs: number;
  readonly endMs: number;
}

/** Runs a command to its end. @throws {Error} where it fails: what fails is sooner at its end. */
export async function runTimes({ program, args, env }: TimedCommand): Promise<RunTimes> {
  const began = performance.now();
  await using child = new Deno.Command(program, {
    args: [...args],
    env: { ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const firstByteMs = performance.now() - began;
  await reader.cancel();
  const { success } = await child.status;
  if (!success) throw new Error(`Cannot run ${program} ${args.join(" ")}`);
  return { firstByteMs, endMs: performance.now() - began };
}
