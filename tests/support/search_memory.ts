import { fromFileUrl } from "@std/path";

const SEARCH = fromFileUrl(new URL("../fixtures/search_memory.py", import.meta.url));

/**
 * How often each pattern is in the memory of a process; `undefined` if the kernel refuses to show it.
 *
 * @param options `wrapper`: a command that runs the search, such as `setpriv`.
 */
export async function searchMemory(
  pid: number,
  { patterns, wrapper = [] }: { patterns: readonly Uint8Array[]; wrapper?: readonly string[] },
): Promise<number[] | undefined> {
  const hex = patterns.map((pattern) => pattern.toHex());
  const [program, ...args] = [...wrapper, "python3", SEARCH, String(pid), ...hex];
  const { success, stdout } = await new Deno.Command(program!, { args, stderr: "null" }).output();
  return success ? JSON.parse(new TextDecoder().decode(stdout)) : undefined;
}
