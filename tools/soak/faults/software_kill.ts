import { selectPlatform } from "../../../src/platform/select.ts";
import { LAUNCH_TOKEN_VARIABLE, type SystemUnderTest } from "../system.ts";
import type { FaultKind } from "./fault.ts";
import { drawTarget, licensedOf } from "./target.ts";

/** SIGKILL for the licensed software: a run ends with it, a daemon starts it again. */
export const softwareKill: FaultKind = {
  weight: 1,
  draw(draw) {
    const drawn = drawTarget(draw);
    // the vendor's server runs no software
    const target = drawn === "vendor server" ? "daemon" : drawn;
    return {
      words: `kill software of ${target}`,
      async inflict(system) {
        const run = licensedOf(system, target)!;
        const pid = lastSoftware(await run.softwareLog(), run.program.pid);
        if (pid === undefined || !await isOurs(pid, system)) return;
        if (target !== "daemon") run.program.expectKill();
        kill(pid);
      },
    };
  },
};

/** The software that this Sentinel launched last, by its lines: parent, self, number, hour. */
export function lastSoftware(log: string, parent: number | undefined): number | undefined {
  const lines = [...log.matchAll(/^(\d+) (\d+) \d+ \d+$/gm)];
  const last = lines.findLast(([, by]) => Number(by) === parent);
  return last === undefined ? undefined : Number(last[2]);
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch (error) {
    // it was quicker
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** It may have ended, and its pid may be reused. */
async function isOurs(pid: number, { mark }: SystemUnderTest): Promise<boolean> {
  const control = await selectPlatform().processControl();
  return control.variable(pid, LAUNCH_TOKEN_VARIABLE) === mark;
}
