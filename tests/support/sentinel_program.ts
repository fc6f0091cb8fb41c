import { fromFileUrl } from "@std/path";

const MAIN = fromFileUrl(new URL("../../main.ts", import.meta.url));

/** What the program did. */
export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real program's command line, with every permission that it needs and no others. */
export function sentinelCommand(
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.Command {
  const permissions = ["read", "write", "env", "net", "run", "ffi", "sys"];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      ...permissions.map((p) => `--allow-${p}`),
      MAIN,
      ...args,
    ],
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the real program to its end. */
export async function runSentinel(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ProgramResult> {
  const { code, stdout, stderr } = await sentinelCommand(args, env).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}
