import { describeError } from "../core/errors.ts";
import { exitOf, type ExitStatus } from "../core/process.ts";
import { selectPlatform } from "../platform/select.ts";
import { checkExecutable, LaunchError, requireUnchanged, type VerifiedFile } from "./executable.ts";
import type { ProcessControl, ProcessLimits } from "../platform/process_contract.ts";
import type { Platform } from "../platform/contract.ts";

/**
 * The file that a command names: itself where it has a slash, else the first executable file of that name in the folders of
 * `searchPath`; itself again where there is none, for the launch to say so.
 */
export async function findProgram(
  command: string,
  searchPath: string | undefined,
): Promise<string> {
  if (command.includes("/")) return command;
  for (const folder of (searchPath ?? "/usr/local/bin:/usr/bin:/bin").split(":")) {
    const path = `${folder || "."}/${command}`;
    if (await isExecutableFile(path)) return path;
  }
  return command;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    const { isFile, mode } = await Deno.stat(path);
    return isFile && ((mode ?? 0) & 0o111) !== 0;
  } catch {
    return false;
  }
}

/**
 * The variable that marks a launched process and, as environments are inherited, all that it brings forth, wherever they
 * went: the way to find those that left session, group and parents behind.
 */
export const LAUNCH_TOKEN_VARIABLE = "SENTINEL_PROCESS";

/** What is launched: no shell, the arguments as they are. */
export interface LaunchOptions {
  /** Absolute, or relative to our own working folder. */
  readonly path: string;
  readonly args: readonly string[];
  /** On top of our own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The value of {@linkcode LAUNCH_TOKEN_VARIABLE}, one for each launch. */
  readonly mark?: string | undefined;
  /** The working folder; ours where there is none. */
  readonly cwd?: string | undefined;
  /**
   * `inherit` (the default): its streams are ours, a terminal stays a terminal. `pipe`: it reads nothing, we read it.
   * `null`: it reads nothing, and nobody reads it.
   */
  readonly output?: "inherit" | "pipe" | "null" | undefined;
}

/** A running process that leads a session and a process group of its own. */
export interface LaunchedProcess {
  readonly pid: number;
  /** Resolves once it has ended, whoever still holds its output; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** What asks us to stop and asks it as well, as a console asks everybody on it. */
  readonly hears: readonly Deno.Signal[];
  /** What it writes, where `output` is `pipe`; the caller's to read or cancel. */
  readonly output: OutputStreams | undefined;
}

export interface OutputStreams {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Processes that were launched and whose end has not been told yet: the runtime waits for them, nobody else may. */
const waitedFor = new Set<number>();

/** Whether the runtime waits for the end of this child, so that it must not be reaped by others. */
export function isWaitedFor(pid: number): boolean {
  return waitedFor.has(pid);
}

/**
 * Launches a program.
 *
 * @throws {LaunchError}
 */
export async function launch(options: LaunchOptions): Promise<LaunchedProcess> {
  await checkExecutable(options.path);
  const child = spawnOnConsole(options) ?? await spawn(options);
  waitedFor.add(child.pid);
  child.exited.then(() => waitedFor.delete(child.pid));
  return child;
}

/** Where the system has processes on one console told apart by another than the runtime. */
function spawnOnConsole(options: LaunchOptions): LaunchedProcess | undefined {
  const { path, args, cwd, output = "inherit" } = options;
  if (output !== "inherit") return undefined;
  const variables = variablesOf(options);
  const child = selectPlatform().spawnOnConsole?.({ path, args, variables, cwd });
  return child && {
    ...child,
    exited: child.exited.then((code) => ({ code, signal: undefined })),
    output: undefined,
  };
}

function variablesOf({ env, mark }: LaunchOptions): Record<string, string> {
  return { ...env, ...(mark !== undefined && { [LAUNCH_TOKEN_VARIABLE]: mark }) };
}

const STREAM = { inherit: "inherit", pipe: "piped", null: "null" } as const;

async function spawn(options: LaunchOptions): Promise<LaunchedProcess> {
  const { path, args, cwd, output = "inherit" } = options;
  try {
    const child = new Deno.Command(path, {
      args: [...args],
      env: variablesOf(options),
      ...(cwd !== undefined && { cwd }),
      stdin: output === "inherit" ? "inherit" : "null",
      stdout: STREAM[output],
      stderr: STREAM[output],
      // without signals a session of its own would only take its console from it
      detached: output !== "inherit" || selectPlatform().hasUnixSignals,
    }).spawn();
    return {
      pid: child.pid,
      exited: exitOf(child),
      hears: [],
      output: output === "pipe" ? { stdout: child.stdout, stderr: child.stderr } : undefined,
    };
  } catch (error) {
    throw await explainFailure(options, error);
  }
}

async function explainFailure({ path, cwd }: LaunchOptions, cause: unknown): Promise<LaunchError> {
  if (cwd !== undefined && !await isFolder(cwd)) {
    return new LaunchError("working_folder", `working folder not found: ${cwd}`, cause);
  }
  const why = describeError(cause);
  // fork(2) and clone(2): EAGAIN is the limit of processes; the runtime says it as WouldBlock
  if (cause instanceof Deno.errors.WouldBlock || /os error 11\b/.test(why)) {
    return new LaunchError(
      "out_of_processes",
      `software cannot be launched: ${path} (no more processes allowed)`,
      cause,
    );
  }
  return new LaunchError("failed", `software cannot be launched: ${path} (${why})`, cause);
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

/**
 * Launches a program under limits of its own. They are set right after it was started (prlimit(2)), as ours would have
 * to be lowered otherwise, and hold for all that it brings forth from then on.
 *
 * @throws {LaunchError} `software.limits` where the system refuses one, as one that is higher than ours; the process is
 * killed.
 */
export async function launchLimited(
  options: LaunchOptions,
  { limits, control }: { limits: ProcessLimits; control: ProcessControl },
): Promise<LaunchedProcess> {
  const child = await launch(options);
  const refused = control.limit(child.pid, limits);
  const identity = control.identify(child.pid);
  if (refused.length === 0 || identity === undefined) return child;
  control.signalGroup(identity, "SIGKILL");
  await child.exited;
  await Promise.all([child.output?.stdout.cancel(), child.output?.stderr.cancel()]);
  const values = refused.map((name) => `${name} = ${limits[name]}`).join(", ");
  throw new LaunchError("limits", `limits are refused by the system: ${values}`);
}

/** What launching a verified file needs besides the file. */
interface VerifiedLaunch {
  /** The file whose checksum was verified; `undefined` where the license carries none, and nothing is compared. */
  readonly verified: VerifiedFile | undefined;
  readonly platform: Pick<Platform, "fileVersion" | "signalGroup">;
  /** Launches (default: {@linkcode launch}). */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
}

/**
 * Launches the very file that was verified: what is at the path is compared right before the launch and right after it.
 * A file that was put there in between is killed with its whole process group before this throws.
 *
 * The runtime opens the program by its path, so a gap stays open: between the launch and the second look a foreign file
 * runs for some milliseconds, and one that leaves its process group in that time outlives it; who renames a whole folder
 * above the file there and back in that time, or makes two changes within one tick of the kernel's clock around the check,
 * is not seen. What a script's interpreter, a library or a file that the software loads is, nobody checks.
 *
 * @throws {ChecksumError} `software.changed`; {LaunchError}.
 */
export async function launchVerified(
  options: LaunchOptions,
  { verified, platform, launch: start = launch }: VerifiedLaunch,
): Promise<LaunchedProcess> {
  if (verified === undefined) return await start(options);
  requireUnchanged(verified, platform);
  const child = await start(options);
  try {
    requireUnchanged(verified, platform);
    return child;
  } catch (error) {
    platform.signalGroup(child.pid, "SIGKILL");
    await child.exited;
    throw error;
  }
}
