import type { ProgramName } from "./signals.ts";
import { onSignal } from "./signals.ts";
import { systemClock } from "../core/clock.ts";
import type { Host } from "../platform/host.ts";
import { selectPlatform } from "../platform/select.ts";

/** The host of every program, but for its log and its signals. */
export const SYSTEM: Omit<Host, "log" | "onSignal"> = {
  platform: selectPlatform(),
  clock: systemClock,
  random: Math.random,
  newUuid: () => crypto.randomUUID(),
  env: (name) => Deno.env.get(name),
  pid: Deno.pid,
};

/** The host of a program, with what tests may give it instead. */
export function hostOf(
  program: ProgramName,
  { clock, random, log }: Pick<Host, "clock" | "random" | "log">,
): Host {
  const listen: Host["onSignal"] = (action, listener) => onSignal(program, action, listener);
  return { ...SYSTEM, clock, random, log, onSignal: listen };
}
