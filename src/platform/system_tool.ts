/** Runs a program of the system's; what it writes, or `undefined` where it cannot be run or fails. */
export type RunSystemTool = (path: string, args: readonly string[]) => Promise<string | undefined>;

/** Runs it without input; what it writes to standard error is dropped. */
export async function runSystemTool(
  path: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const command = new Deno.Command(path, { args: [...args], stdin: "null", stderr: "null" });
    const { success, stdout } = await command.output();
    return success ? new TextDecoder().decode(stdout) : undefined;
  } catch {
    return undefined;
  }
}
