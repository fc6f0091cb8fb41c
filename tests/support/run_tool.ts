import { resultOf } from "./program.ts";

/** Runs a program; fails with what it said if it does not end with 0. */
export async function runTool(name: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await resultOf(name, { args });
  if (code !== 0) throw new Error(`${name} ${args.join(" ")}: ${stderr}`);
  return stdout;
}
