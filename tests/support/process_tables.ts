import { assert } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";
import type { ProcessRecord } from "../../src/process/records.ts";
import {
  ProcessTable,
  type ProcessTableDependencies,
  type StartOptions,
} from "../../src/process/process_table.ts";
import { processControl } from "./launched_shell.ts";

/** What the tables of tests are opened with. */
export const TABLE_DEPENDENCIES: ProcessTableDependencies = {
  // ourselves under an unused pid, so that no other test's orphan is claimed
  control: {
    ...processControl,
    identify: (pid) => processControl.identify(pid === -1 ? Deno.pid : pid),
  },
  clock: systemClock,
  ownPid: -1,
  newLaunchToken: () => crypto.randomUUID(),
};

/** The table of a folder that no other process holds. */
export async function openTable(path: string): Promise<ProcessTable> {
  const table = await ProcessTable.open(path, TABLE_DEPENDENCIES);
  assert(table);
  return table;
}

/** A script of the shell, to be started in a table. */
export function shell(script: string): StartOptions {
  return { command: "sh", args: ["-c", script], env: {} };
}

/** How a process ended. */
export type Ending = Pick<ProcessRecord, "state" | "exitCode" | "signal">;

export function endingOf(record: ProcessRecord | undefined): Ending | undefined {
  if (record === undefined) return undefined;
  const { state, exitCode, signal } = record;
  return { state, exitCode, signal };
}

/** Names in a folder, sorted. */
export function namesIn(path: string): string[] {
  return Array.from(Deno.readDirSync(path), ({ name }) => name).sort();
}
