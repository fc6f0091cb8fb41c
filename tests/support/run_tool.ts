/** Runs a program; fails with what it said where it does not end with 0. */
export async function runTool(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args, stdin: "null" })
    .output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${name} ${args.join(" ")}: ${text.decode(stderr)}`);
  return text.decode(stdout);
}
