/** Reads a variable of the environment: passed in, so that a test needs no real one. */
export type Env = (name: string) => string | undefined;

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

/** How a process ended. */
export interface ExitStatus {
  /** Its exit status, or 128 + the signal's number (as shells have it). */
  readonly code: number;
  /** The signal that ended it, if one did: `SIGTERM`, `SIGRTMIN+6`, or `signal 32` for one without a name. */
  readonly signal: string | undefined;
}

/** The first and the last real-time signal of glibc's numbering; 32 and 33 are its own (signal(7)). */
const SIGRTMIN = 34, SIGRTMAX = 64;

/** Up to here a real-time signal is named after the first one, as `kill -l` of bash does. */
const LAST_AFTER_FIRST = SIGRTMIN + 15;

/** What shells add to a signal's number. */
const KILLED = 128;

/** The end of a child that a signal ended which nothing tells the number of. */
const KILLED_SOMEHOW: ExitStatus = { code: KILLED, signal: "unknown signal" };

/**
 * Waits for a child's end. The only place that does: the runtime's own `status` rejects for a child that a real-time signal
 * ended.
 *
 * @returns Never rejects.
 */
export async function exitOf(child: Pick<Deno.ChildProcess, "status">): Promise<ExitStatus> {
  try {
    const { code, signal } = await child.status;
    return { code, signal: signal ?? undefined };
  } catch (error) {
    return killedBy(error);
  }
}

/** What a program that was run to its end wrote; empty for a stream that was not piped. */
export interface ProgramOutput extends ExitStatus {
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** How a program is run to its end. */
export interface RunToEndOptions extends Pick<Deno.CommandOptions, "cwd" | "env"> {
  readonly args: readonly string[];
  /** `piped` by default, like standard error. */
  readonly stdout?: "piped" | "null";
  readonly stderr?: "piped" | "null";
}

/**
 * Runs a program to its end, without input.
 *
 * @throws {Error} The runtime's own, if it cannot be started.
 */
export async function runToEnd(
  path: string,
  { args, ...options }: RunToEndOptions,
): Promise<ProgramOutput> {
  const streams = { stdout: "piped", stderr: "piped", ...options } as const;
  const child = new Deno.Command(path, { ...streams, args: [...args], stdin: "null" }).spawn();
  const [status, stdout, stderr] = await Promise.all([
    exitOf(child),
    streams.stdout === "piped" ? new Response(child.stdout).bytes() : new Uint8Array(),
    streams.stderr === "piped" ? new Response(child.stderr).bytes() : new Uint8Array(),
  ]);
  return { ...status, stdout, stderr };
}

/** The kernel's number is to be had from the runtime's complaint alone: by then the child is reaped. */
function killedBy(error: unknown): ExitStatus {
  const [digits] = /\d+(?=\D*$)/.exec(error instanceof TypeError ? error.message : "") ?? [];
  const number = Number(digits ?? 0);
  // waitpid(2): the low seven bits of a status, of which 127 stands for a stop
  if (number < 1 || number > 126) return KILLED_SOMEHOW;
  return { code: KILLED + number, signal: nameSignal(number) };
}

/** A signal that the runtime has no name for. */
function nameSignal(number: number): string {
  if (number < SIGRTMIN || number > SIGRTMAX) return `signal ${number}`;
  if (number === SIGRTMIN) return "SIGRTMIN";
  if (number === SIGRTMAX) return "SIGRTMAX";
  return number <= LAST_AFTER_FIRST
    ? `SIGRTMIN+${number - SIGRTMIN}`
    : `SIGRTMAX-${SIGRTMAX - number}`;
}
