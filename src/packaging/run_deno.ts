import { describeError, SentinelError } from "../core/errors.ts";
import { runToEnd } from "../core/process.ts";

/** A program cannot be built like this (exit status 2). */
export class BuildError extends SentinelError {
  constructor(message: string, options?: { cause?: unknown }) {
    super("config.build", message, options);
  }
}

/** The Deno that bundles and compiles. */
export interface DenoTool {
  /** Its path, or its name on the PATH. */
  readonly path: string;
  /** For what it says to be readable by programs. */
  readonly cwd?: string;
}

/** How it ended, and all that it wrote. */
interface DenoResult {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs Deno to its end. @throws {BuildError} where it cannot be started. */
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

/** The line of Deno's output that says what went wrong. */
export function faultLine(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  const line = lines.find((line) => /^error\b/i.test(line)) ?? lines[0] ?? "without a word";
  return describeError(line.replace(/^error:\s*/i, ""));
}
