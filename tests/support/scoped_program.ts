import { dirname, fromFileUrl, join } from "@std/path";
import type { ProgramResult } from "./sentinel_program.ts";

const ROOT = dirname(dirname(dirname(fromFileUrl(import.meta.url))));

/** The permissions of the tasks and of the compiled program: all kinds, though not `--allow-all`, which opens `/proc`. */
const PERMISSIONS = ["read", "write", "env", "net", "run", "ffi", "sys"];

/** The command that runs a source file with the permissions that the program has in earnest. */
export function scopedCommand(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.Command {
  const permissions = PERMISSIONS.map((name) => `--allow-${name}`);
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...permissions, join(ROOT, file), ...args],
    env: { NO_COLOR: "1", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs `sentinel ipc` to its end. */
export async function runIpc(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<ProgramResult> {
  await using child = scopedCommand("main.ts", ["ipc", ...args], env).spawn();
  await child.stdin.close();
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}
