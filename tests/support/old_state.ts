import { KEPT_LICENSE_FILE } from "../../src/state/state_folder.ts";
import { assertEquals } from "@std/assert";
import { copyFolder } from "./copy_folder.ts";
import type { Doubles } from "./doubles.ts";
import type { RunHarness } from "./run_harness.ts";

/** Where version 0.1 keeps the state of all products, below the test's folder. */
export const OLD_STATE = "home/sentinel-drm";

/** Version 0.1 did not note that the keyring has a replica. */
const WITHOUT_PERIOD: Doubles = {
  "src/platform/linux/kernel_keyring.ts": [[
    "period: () => answers() ? readBootId() : undefined",
    "period: () => undefined",
  ]],
};

/**
 * Runs the software as version 0.1 did: with its files directly in the data folder. A given folder still has that form, save
 * the file that names its machine.
 */
export async function runOld(
  harness: RunHarness,
  options: Parameters<RunHarness["run"]>[1] = {},
): Promise<void> {
  harness.stateDir = harness.folder.at(OLD_STATE);
  const doubles = { ...WITHOUT_PERIOD, ...options.doubles };
  const { code, stderr } = await harness.run("/bin/true", { ...options, doubles });
  assertEquals(code, 0, stderr);
  await becomeOld(harness);
}

/** Takes away what version 0.1 did not have; the state is in the data folder from now on. */
export async function becomeOld(harness: RunHarness): Promise<void> {
  for (const name of ["machine", KEPT_LICENSE_FILE]) {
    await Deno.remove(harness.folder.at(`${OLD_STATE}/${name}`));
  }
  harness.stateDir = undefined;
}

/**
 * Runs the software without the license server, which uses up a second of grace or more each time.
 *
 * @returns The seconds of grace that are left.
 */
export async function spendGrace(harness: RunHarness, doubles?: Doubles): Promise<number> {
  await harness.stopServer();
  let seconds = Infinity;
  for (let run = 0; run < 3; run++) {
    const { code, stderr } = await harness.run("/bin/true", { doubles });
    assertEquals(code, 0, stderr);
    seconds = readGrace(stderr);
  }
  return seconds;
}

/** The seconds of grace with which a run without the license server started. */
export function readGrace(stderr: string): number {
  const [, seconds] = /operating under grace period \((\d+) seconds remaining\)/.exec(stderr) ?? [];
  if (seconds === undefined) throw new Error(`no grace is named in:\n${stderr}`);
  return Number(seconds);
}

/** Tells whether grace is what was left, save the seconds of the runs since. */
export function isSpent(seconds: number, left: number): boolean {
  return seconds <= left && seconds > left - 100;
}

/** Leaves a state of version 0.1 that has used up grace, and no license server; returns the seconds that are left. */
export async function runOldOffline(harness: RunHarness): Promise<number> {
  await runOld(harness);
  harness.stateDir = harness.folder.at(OLD_STATE);
  const left = await spendGrace(harness, WITHOUT_PERIOD);
  await becomeOld(harness);
  return left;
}

/** Replaces a folder by a copy of another; both below the test's folder. */
export async function putInPlace(harness: RunHarness, from: string, to: string): Promise<void> {
  const { at } = harness.folder;
  await Deno.remove(at(to), { recursive: true }).catch(() => {});
  await copyFolder(at(from), at(to));
}
