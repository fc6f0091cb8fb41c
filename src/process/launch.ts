import { describeError } from "../core/errors.ts";
import { type ExitStatus, waitForExit } from "../core/process.ts";
import { selectPlatform } from "../platform/select.ts";
import { checkExecutable, LaunchError, requireUnchanged, type VerifiedFile } from "./executable.ts";
import type { ProcessControl, ProcessLimits } from "../platform/process_contract.ts";
import type { Platform } from "../platform/contract.ts";

/**
 * Resolves a command to a path: unchanged if it contains a slash, else the first executable file of that name in
 * `searchPath`; unchanged if there is none, so that the launch reports it.
 *
 * @param searchPath Folders separated by `:`, as in `$PATH`.
 *
 * @example
 * ```ts
 * await findProgram("env", "/usr/local/bin:/usr/bin"); // "/usr/bin/env"
 * ```
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
 * Environment variable that identifies a launched process and its descendants, which inherit it. Finds descendants that left
 * the session, the process group and their parents.
 */
export const LAUNCH_TOKEN_VARIABLE = "SENTINEL_PROCESS";

/** Has the path of the socket at which the software asks for its license. */
export const SOCKET_VARIABLE = "SENTINEL_IPC_SOCKET";

/** Returns a new launch token, which names the machine: the folder of its socket may be another in each run. */
export function makeLaunchToken(machineId: string, newUuid: () => string): string {
  return `${machineId}/${newUuid()}`;
}

/** A program to launch, without a shell. */
export interface LaunchOptions {
  /** Absolute, or relative to our working folder. */
  readonly path: string;
  readonly args: readonly string[];
  /** Variables added to our environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Value of {@linkcode LAUNCH_TOKEN_VARIABLE}; unique to each launch and unpredictable. */
  readonly launchToken?: string | undefined;
  /** Working folder; ours by default. */
  readonly cwd?: string | undefined;
  /**
   * `inherit` (default): shares our standard streams, including a terminal. `pipe`: no input; we read its output. `null`: no
   * input; its output is discarded.
   */
  readonly output?: "inherit" | "pipe" | "null" | undefined;
}

/** A launched process; it leads its own session and process group. */
export interface LaunchedProcess {
  readonly pid: number;
  /** Resolves when the process exits, even if its output is still held open; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** Stop signals that the process receives together with us, as all processes on a Windows console do. */
  readonly hears: readonly Deno.Signal[];
  /** Its output if {@linkcode LaunchOptions.output} is `pipe`; the caller reads or cancels both streams. */
  readonly output: OutputStreams | undefined;
}

export interface OutputStreams {
  readonly stdout: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly stderr: ReadableStream<Uint8Array<ArrayBuffer>>;
}

/** Launched processes whose exit is not reported yet; only the runtime may reap them. */
const waitedFor = new Set<number>();

/** Whether the runtime waits for this child, so that no other code may reap it. */
export function isWaitedFor(pid: number): boolean {
  return waitedFor.has(pid);
}

/**
 * Launches a program.
 *
 * @throws {LaunchError}
 *
 * @example
 * ```ts
 * const child = await launch({ path: "/usr/bin/env", args: [], env: { LANG: "C" }, output: "null" });
 * const { code } = await child.exited;
 * ```
 */
export async function launch(options: LaunchOptions): Promise<LaunchedProcess> {
  await checkExecutable(options.path);
  const child = spawnOnConsole(options) ?? await spawn(options);
  waitedFor.add(child.pid);
  child.exited.then(() => waitedFor.delete(child.pid));
  return child;
}

/** Launches through the platform if it must separate processes on one console itself (Windows); else `undefined`. */
function spawnOnConsole(options: LaunchOptions): LaunchedProcess | undefined {
  const { path, args, cwd, output = "inherit" } = options;
  if (output !== "inherit") return undefined;
  const variables = buildVariables(options);
  const child = selectPlatform().spawnOnConsole?.({ path, args, variables, cwd });
  return child && {
    ...child,
    exited: child.exited.then((code) => ({ code, signal: undefined })),
    output: undefined,
  };
}

function buildVariables({ env, launchToken }: LaunchOptions): Record<string, string> {
  return { ...env, ...(launchToken !== undefined && { [LAUNCH_TOKEN_VARIABLE]: launchToken }) };
}

const STREAM = { inherit: "inherit", pipe: "piped", null: "null" } as const;

async function spawn(options: LaunchOptions): Promise<LaunchedProcess> {
  const { path, args, cwd, output = "inherit" } = options;
  try {
    const child = new Deno.Command(path, {
      args: [...args],
      env: buildVariables(options),
      ...(cwd !== undefined && { cwd }),
      stdin: output === "inherit" ? "inherit" : "null",
      stdout: STREAM[output],
      stderr: STREAM[output],
      // on Windows, a session of its own would only detach it from the console
      detached: output !== "inherit" || selectPlatform().hasUnixSignals,
    }).spawn();
    return {
      pid: child.pid,
      exited: waitForExit(child),
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
  // fork(2), clone(2): EAGAIN means the process limit; the runtime reports it as WouldBlock
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
 * Launches a program with resource limits. They are set right after the start (prlimit(2)), since setting them before would
 * lower ours, and apply to all descendants created from then on.
 *
 * @throws {LaunchError} `software.limits` if the system refuses a limit, such as one above ours; the process is killed.
 *
 * @example
 * ```ts
 * const child = await launchLimited(options, { limits: { openFiles: 64 }, control });
 * ```
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

interface VerifiedLaunch {
  /** The verified file; `undefined` if the license has no checksum, in which case nothing is compared. */
  readonly verified: VerifiedFile | undefined;
  readonly platform: Pick<Platform, "readFileVersion" | "signalGroup">;
  /** Default: {@linkcode launch}. */
  readonly launch?: ((options: LaunchOptions) => Promise<LaunchedProcess>) | undefined;
}

/**
 * Launches the file that was verified: compares the file at the path right before and right after the launch. If the file
 * was replaced in between, kills the process group and throws.
 *
 * The runtime opens the program by its path, so a gap remains. A replaced file runs for some milliseconds until the second
 * check, and outlives it if it leaves its process group in that time. An attacker that renames a parent folder and back in
 * that time, or makes two changes within one tick of the kernel's clock, goes undetected. A script's interpreter, libraries
 * and files that the software loads are not checked.
 *
 * @throws {ChecksumError} `software.changed`
 * @throws {LaunchError}
 *
 * @example
 * ```ts
 * const verified = await verifyChecksum(path, expected, platform);
 * const child = await launchVerified({ path, args: [], env: {} }, { verified, platform });
 * ```
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
