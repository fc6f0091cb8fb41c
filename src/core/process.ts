/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

/**
 * Identifies a process even if its pid is reused later.
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
  /** Exit status, or 128 + the signal's number, as in shells. */
  readonly code: number;
  /** The signal that killed it, if any: `SIGTERM`, `SIGRTMIN+6`, or `signal 32` for one without a name. */
  readonly signal: string | undefined;
}

/** A process as operators see it. Times are milliseconds since the Unix epoch. */
export interface ProcessView {
  /** Decimal digits; never reused. */
  readonly id: string;
  readonly command: string;
  readonly args: readonly string[];
  /**
   * `exited`: on its own. `stopped`: on request. `killed`: by a signal that we did not send. `lost`: it was running when its
   * supervisor crashed, and no longer exists.
   */
  readonly state: "running" | "exited" | "stopped" | "killed" | "lost";
  readonly startedAtMs: number;
  readonly endedAtMs?: number | undefined;
  /** Set if it `exited`. */
  readonly exitCode?: number | undefined;
  /** Set if it was `killed`. */
  readonly signal?: string | undefined;
  /** Bytes of recorded output, including those that retention removed. */
  readonly outputBytes: number;
}

/** First and last real-time signal in glibc's numbering, which reserves 32 and 33 (signal(7)). */
const SIGRTMIN = 34, SIGRTMAX = 64;

/** Last real-time signal that is named relative to SIGRTMIN, as in bash's `kill -l`. */
const LAST_AFTER_FIRST = SIGRTMIN + 15;

/** Shells add this to a signal's number. */
const KILLED = 128;

/** Status of a child killed by a signal of unknown number. */
const KILLED_SOMEHOW: ExitStatus = { code: KILLED, signal: "unknown signal" };

/**
 * Waits for a child to exit; never rejects. All code uses this instead of the runtime's `status`, which rejects if a
 * real-time signal killed the child.
 */
export async function waitForExit(child: Pick<Deno.ChildProcess, "status">): Promise<ExitStatus> {
  try {
    const { code, signal } = await child.status;
    return { code, signal: signal ?? undefined };
  } catch (error) {
    return toKilledStatus(error);
  }
}

/** Exit status and output of a program; the output of a stream that was not piped is empty. */
interface ProgramOutput extends ExitStatus {
  readonly stdout: Uint8Array<ArrayBuffer>;
  readonly stderr: Uint8Array<ArrayBuffer>;
}

/** Options of {@linkcode runToEnd}. */
interface RunToEndOptions extends Pick<Deno.CommandOptions, "cwd" | "env"> {
  readonly args: readonly string[];
  /** Default: `piped`, for both streams. */
  readonly stdout?: "piped" | "null";
  readonly stderr?: "piped" | "null";
}

/**
 * Runs a program without input and waits for it to exit.
 *
 * @throws {Error} The runtime's error if the program cannot be started.
 */
export async function runToEnd(
  path: string,
  { args, ...options }: RunToEndOptions,
): Promise<ProgramOutput> {
  const streams = { stdout: "piped", stderr: "piped", ...options } as const;
  const child = new Deno.Command(path, { ...streams, args: [...args], stdin: "null" }).spawn();
  const [status, stdout, stderr] = await Promise.all([
    waitForExit(child),
    streams.stdout === "piped" ? new Response(child.stdout).bytes() : new Uint8Array(),
    streams.stderr === "piped" ? new Response(child.stderr).bytes() : new Uint8Array(),
  ]);
  return { ...status, stdout, stderr };
}

/** Takes the signal's number from the runtime's error message, its only source: the child is already reaped. */
function toKilledStatus(error: unknown): ExitStatus {
  const [digits] = /\d+(?=\D*$)/.exec(error instanceof TypeError ? error.message : "") ?? [];
  const number = Number(digits ?? 0);
  // waitpid(2): the low seven bits of a status; 127 means stopped
  if (number < 1 || number > 126) return KILLED_SOMEHOW;
  return { code: KILLED + number, signal: nameSignal(number) };
}

/** Names a signal that the runtime has no name for. */
function nameSignal(number: number): string {
  if (number < SIGRTMIN || number > SIGRTMAX) return `signal ${number}`;
  if (number === SIGRTMIN) return "SIGRTMIN";
  if (number === SIGRTMAX) return "SIGRTMAX";
  return number <= LAST_AFTER_FIRST
    ? `SIGRTMIN+${number - SIGRTMIN}`
    : `SIGRTMAX-${SIGRTMAX - number}`;
}
