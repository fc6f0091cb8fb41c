import { describeError, SentinelError } from "../core/errors.ts";

/** How a process ended: its exit status, or 128 + the signal's number (as shells have it). */
export interface ExitStatus {
  readonly code: number;
}

/** What is launched: no shell, the arguments as they are, and `env` on top of our own environment. */
export interface LaunchOptions {
  readonly path: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Where it starts; ours where it is absent. */
  readonly cwd?: string | undefined;
}

/** A running process that leads a session and a process group of its own. */
export interface LaunchedProcess {
  readonly pid: number;
  /** Resolves once it has ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
}

/** The software is not there or cannot be run (exit status 84). */
export class LaunchError extends SentinelError {
  constructor(
    code: "not_found" | "not_a_file" | "not_executable" | "failed",
    message: string,
    cause?: unknown,
  ) {
    super(`software.${code}`, message, { cause });
  }
}

/**
 * Launches a program. Its three standard streams are ours, so a terminal stays a terminal and every byte of its output
 * is unchanged.
 *
 * @throws {LaunchError}
 */
export async function launch(
  { path, args, env, cwd }: LaunchOptions,
): Promise<LaunchedProcess> {
  await checkExecutable(path);
  try {
    const child = new Deno.Command(path, {
      args: [...args],
      env: { ...env },
      ...(cwd !== undefined && { cwd }),
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
      detached: true,
    }).spawn();
    return { pid: child.pid, exited: child.status.then(({ code }) => ({ code })) };
  } catch (error) {
    throw new LaunchError(
      "failed",
      `software cannot be launched: ${path} (${describeError(error)})`,
      error,
    );
  }
}

const ANY_EXECUTE_BIT = 0o111;

async function checkExecutable(path: string): Promise<void> {
  const info = await stat(path);
  if (info === undefined) throw new LaunchError("not_found", `software not found: ${path}`);
  if (!info.isFile) throw new LaunchError("not_a_file", `software is not a file: ${path}`);
  if (info.mode !== null && (info.mode & ANY_EXECUTE_BIT) === 0) {
    throw new LaunchError("not_executable", `software is not executable: ${path} (chmod +x it)`);
  }
}

async function stat(path: string): Promise<Deno.FileInfo | undefined> {
  try {
    return await Deno.stat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return undefined;
    }
    throw new LaunchError(
      "failed",
      `software cannot be launched: ${path} (${describeError(error)})`,
      error,
    );
  }
}
