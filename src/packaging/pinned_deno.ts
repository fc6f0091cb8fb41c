import { type DenoTool, runDeno } from "./run_deno.ts";

/** A Deno, and its part in a build. */
export interface DenoPart {
  readonly does: "bundles" | "compiles";
  readonly deno: DenoTool;
}

/** A line for each Deno that is not of the pinned version: what it makes is to be tried, not to be shipped. */
export async function otherDenoLines(
  parts: readonly DenoPart[],
  pinned: string,
): Promise<string[]> {
  const lines = await Promise.all(parts.map(async ({ does, deno }) => {
    const { stdout } = await runDeno(deno, ["--version"]);
    const version = /^deno (\S+)/.exec(stdout)?.[1] ?? "of an unknown version";
    if (version === pinned) return [];
    return [`Deno ${version} ${does}, not ${pinned}: to be tried, not to be shipped`];
  }));
  return lines.flat();
}
