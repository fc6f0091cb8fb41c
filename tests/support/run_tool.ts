/** Whether a program can be started here; for tests that need more than Node. */
export async function hasTool(name: string, ...args: string[]): Promise<boolean> {
  try {
    const { success } = await new Deno.Command(name, {
      args: args.length > 0 ? args : ["--version"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  } catch {
    return false;
  }
}

/** Runs a program; fails with what it said where it does not end with 0. */
export async function runTool(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args, stdin: "null" })
    .output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}

/** A test that is skipped, with the reason in its name, where a tool is missing. */
export function testWith(
  tools: Readonly<Record<string, boolean>>,
  name: string,
  run: () => Promise<void>,
): void {
  const missing = Object.keys(tools).filter((tool) => !tools[tool]);
  const reason = missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")} here)`;
  Deno.test({ name: name + reason, ignore: missing.length > 0, fn: run });
}
