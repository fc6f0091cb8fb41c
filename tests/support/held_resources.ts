import { runTool } from "./run_tool.ts";
import { residentBytes } from "./process_state.ts";
import type { RunningProgram } from "./program.ts";

/** What a program holds at a told time, while it stands still (`tests/fixtures/told_time.ts`). */
export interface HeldResources {
  readonly descriptors: number;
  readonly threads: number;
  readonly residentBytes: number;
  readonly timers: number;
  readonly intervals: number;
  /** Listeners of the one AbortSignal that has most. */
  readonly abort: number;
  /** Listeners for signals of the system. */
  readonly signals: number;
}

/** The runtime's threads for blocking calls come when they are needed, and go after ten idle seconds. */
const MORE_THREADS = 8;

/** Garbage that is not collected yet, and code that was compiled since. */
const MORE_BYTES = 24 * 1024 * 1024;

/** Waits until the program stands still at this told second. */
export async function heldAt(program: RunningProgram, toldSeconds: number): Promise<HeldResources> {
  const line = new RegExp(`^told ${toldSeconds}: (.+)\n`, "m");
  const [, told] = await program.stderr.match(line);
  return {
    descriptors: await countIn(`/proc/${program.pid}/fd`),
    threads: await countIn(`/proc/${program.pid}/task`),
    residentBytes: await residentBytes(program.pid),
    ...JSON.parse(told!),
  };
}

/** What is held later and was not before: a line for each. */
export function findLeaks(before: HeldResources, later: HeldResources): string[] {
  const allowed: { readonly [name in keyof HeldResources]?: number } = {
    threads: MORE_THREADS,
    residentBytes: MORE_BYTES,
  };
  return (Object.keys(before) as (keyof HeldResources)[])
    .filter((name) => later[name] > before[name] + (allowed[name] ?? 0))
    .map((name) => `${name}: ${before[name]}, then ${later[name]}`);
}

/** The runtime lets only a program with all permissions look into `/proc`. */
async function countIn(folder: string): Promise<number> {
  return (await runTool("ls", folder)).trim().split("\n").length;
}
