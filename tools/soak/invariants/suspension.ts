import { INTERVAL_HOURS } from "../system.ts";
import type { Beat } from "../vendor_facts.ts";

/** What is known of one license that the vendor may have suspended; all times are told hours. */
export interface SuspendedLicense {
  readonly name: string;
  /** In which its software ran under a Sentinel, ascending, each once. */
  readonly honored: readonly number[];
  /** Its heartbeats, as the vendor answered them. */
  readonly beats: readonly Pick<Beat, "hour" | "status">[];
  /** In which it could not save what it was told. */
  readonly forgetfulHours: ReadonlySet<number>;
}

/** The answers of fewer may all have been lost on their way. */
const TELLING_BEATS = 3;

/** Until the heartbeat after those, with its retries, is over. */
const STOPPING_HOURS = 2 * INTERVAL_HOURS;

/** Whether software went on although the vendor had said again and again that the license is suspended. */
export function checkSuspension(
  { name, honored, beats, forgetfulHours }: SuspendedLicense,
): string[] {
  const lasting = beats.filter(({ hour, status }) =>
    status !== "SUSPENDED" || !forgetfulHours.has(hour)
  );
  return tellings(lasting).flatMap(({ fromHour, toHour }) => {
    const hours = honored.filter((hour) => hour > fromHour + STOPPING_HOURS && hour < toHour);
    if (hours.length === 0) return [];
    return [`${name} was told of its suspension by hour ${fromHour}, and honored in ${hours[0]}`];
  });
}

/** From the hour at which it must know of the suspension until it learns of the end. */
function tellings(beats: SuspendedLicense["beats"]): { fromHour: number; toHour: number }[] {
  const found: { fromHour: number; toHour: number }[] = [];
  let inARow = 0;
  for (const { hour, status } of beats) {
    const isSuspended = status === "SUSPENDED";
    if (!isSuspended && inARow >= TELLING_BEATS) found.at(-1)!.toHour = hour;
    inARow = isSuspended ? inARow + 1 : 0;
    if (inARow === TELLING_BEATS) found.push({ fromHour: hour, toHour: Infinity });
  }
  return found;
}
