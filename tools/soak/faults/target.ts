import type { KeptProgram } from "../kept_program.ts";
import type { LicensedRun } from "../licensed_run.ts";
import type { SystemUnderTest } from "../system.ts";
import { between, type Draw } from "./fault.ts";

/** A program of the system, by name. */
export type Target = `run ${number}` | "daemon" | "vendor server";

/** One of the programs; a `sentinel run` in three of four draws. */
export function drawTarget(draw: Draw): Target {
  const which = draw.random();
  if (which < 0.75) return drawRun(draw);
  return which < 0.88 ? "daemon" : "vendor server";
}

/** One `sentinel run`. */
export function drawRun({ random, runs }: Draw): Target {
  return `run ${between(1, runs, random)}`;
}

/** The program of that name. */
export function programOf(system: SystemUnderTest, target: Target): KeptProgram {
  return system.programs.find(({ name }) => name === target)!;
}

/** The program if it runs under a license; `undefined` for the vendor's server. */
export function licensedOf(system: SystemUnderTest, target: string): LicensedRun | undefined {
  return system.licensed.find(({ name }) => name === target);
}
