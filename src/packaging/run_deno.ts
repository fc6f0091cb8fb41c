import { describeError, SentinelError } from "../core/errors.ts";
import { runToEnd } from "../core/process.ts";

/** A program cannot be built (exit status 2). */
export class BuildError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.build", message, options);
  }
}

/** A Deno executable. */
export interface DenoTool {
  /** Path, or name on the PATH. */
  readonly path: string;
  /** Working directory (default: this process's). */
  readonly cwd?: string;
}

interface DenoResult {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Deno to its end. @throws {BuildError} It cannot be started. */
export async function runDeno(
  { path, cwd }: DenoTool,
  args: readonly string[],
): Promise<DenoResult> {
  try {
    const { code, stdout, stderr } = await runToEnd(path, {
      args,
      env: { NO_COLOR: "1" },
      ...(cwd !== undefined && { cwd }),
    });
    const utf8 = new TextDecoder();
    return { success: code === 0, stdout: utf8.decode(stdout), stderr: utf8.decode(stderr) };
  } catch (cause) {
    const why = cause instanceof Deno.errors.NotFound
      ? `was not found: ${path}`
      : `cannot be started: ${path}: ${describeError(cause)}`;
    throw new BuildError(
      `programs are built with Deno, which ${why} (install it, or name it in BUILD_DENO)`,
      { cause },
    );
  }
}

/** Finds the line of Deno's standard error that names the error. */
export function findErrorLine(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.find((line) => /^error\b/i.test(line)) ?? lines[0] ?? "no error message";
  return describeError(line.replace(/^error:\s*/i, ""));
}

/** A Deno and its role in a build. */
export interface DenoRole {
  readonly does: "bundles" | "compiles";
  readonly deno: DenoTool;
}

/** Describes each Deno that is not of the pinned version, in one line. */
export async function describeVersionMismatches(
  roles: readonly DenoRole[],
  pinned: string,
): Promise<string[]> {
  const lines = await Promise.all(roles.map(async ({ does, deno }) => {
    const { stdout } = await runDeno(deno, ["--version"]);
    const version = /^deno (\S+)/.exec(stdout)?.[1] ?? "of an unknown version";
    return version === pinned
      ? []
      : [`Deno ${version} ${does}, not the pinned ${pinned}: do not ship the programs`];
  }));
  return lines.flat();
}
