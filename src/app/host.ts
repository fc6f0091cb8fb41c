import { onSignal, type ProgramName } from "./signals.ts";
import type { TrustedFetch } from "../activation/trusted_fetch.ts";
import { systemClock } from "../core/clock.ts";
import type { Host } from "../platform/host.ts";
import { selectPlatform } from "../platform/select.ts";

/** The parts of the host that all programs share. */
export const SYSTEM: Omit<Host, "log" | "onSignal"> = {
  platform: selectPlatform(),
  clock: systemClock,
  random: Math.random,
  newUuid: () => crypto.randomUUID(),
  env: (name) => Deno.env.get(name),
  pid: Deno.pid,
};

/** Creates the host of a program. */
export function createHost(
  program: ProgramName,
  { clock, random, log }: Pick<Host, "clock" | "random" | "log">,
): Host {
  const listen: Host["onSignal"] = (action, listener) => onSignal(program, action, listener);
  return { ...SYSTEM, clock, random, log, onSignal: listen };
}

/**
 * A `fetch` that also trusts the certificates in a file; `undefined` if no file is named.
 *
 * @throws {CaFileError}
 */
export async function loadTrustedFetch(
  caFile: string | undefined,
): Promise<TrustedFetch | undefined> {
  if (caFile === undefined) return undefined;
  const { openTrustedFetch } = await import("../activation/trusted_fetch.ts");
  return await openTrustedFetch(caFile);
}
