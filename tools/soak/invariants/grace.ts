import type { LicensedRun } from "../licensed_run.ts";
import type { SuspendedLicense } from "./suspension.ts";
import { INTERVAL_HOURS, type SystemUnderTest } from "../system.ts";
import type { Beat } from "../vendor_facts.ts";

/** What is known of how one license was honored; all times are told hours. */
export interface HonoredLicense {
  readonly name: string;
  readonly graceHours: number;
  /** In which its software ran under a Sentinel, ascending, each once. */
  readonly honored: readonly number[];
  /** Its heartbeats, as the vendor answered them. */
  readonly beats: readonly Pick<Beat, "hour" | "status">[];
  /** What faults may have hidden from the meter. */
  readonly allowances: LicensedRun["allowances"];
  /** How often it began with its whole grace again. */
  readonly renewals: number;
}

/**
 * What a heartbeat covers: the time to the next one, and of an outage the interval that is over when the first miss is
 * charged and the one that its retries take, which a server that answers again has had for nothing.
 */
export const COVERED_HOURS = 3 * INTERVAL_HOURS;

/** Hours that go by while a busy machine stops the software. */
const STOPPING_HOURS = 8;

/** Whether a license was honored beyond its grace: in one outage, or in all of them together. */
export function checkGrace(license: HonoredLicense): string[] {
  const { name, graceHours, allowances, renewals } = license;
  const outages = findOutages(license);
  const complaints = outages.map(({ fromHour, toHour, hours }) => {
    const within = allowances.filter(({ hour }) =>
      hour >= fromHour - COVERED_HOURS && hour <= toHour
    );
    const allowed = graceHours + STOPPING_HOURS + total(within);
    return hours <= allowed ? [] : [
      `${name} was honored for ${hours} hours without the server from hour ${fromHour} on: ` +
      `its grace is ${graceHours}, at most ${allowed} can be explained`,
    ];
  });
  const hours = total(outages);
  const allowed = (1 + renewals) * graceHours + STOPPING_HOURS + total(allowances);
  if (hours > allowed) {
    complaints.push([
      `${name} was honored for ${hours} hours without the server in all: ` +
      `its grace is ${graceHours}, at most ${allowed} can be explained`,
    ]);
  }
  return complaints.flat();
}

/** Stretches of hours that no heartbeat covers, in which the license was honored for so many. */
interface Outage {
  readonly fromHour: number;
  toHour: number;
  hours: number;
}

/** Only heartbeats that found the license in force count. */
function findOutages({ honored, beats: all }: HonoredLicense): Outage[] {
  const beats = all.filter(({ status }) => status === "ACTIVE").map(({ hour }) => hour);
  const outages: (Outage & { readonly beat: number | undefined })[] = [];
  for (const hour of honored) {
    const beat = beats.findLast((beat) => beat <= hour);
    if (beat !== undefined && hour - beat <= COVERED_HOURS) continue;
    const last = outages.at(-1);
    if (last === undefined || last.beat !== beat) {
      outages.push({ fromHour: hour, toHour: hour, hours: 1, beat });
    } else {
      last.toHour = hour;
      last.hours++;
    }
  }
  return outages;
}

function total(items: readonly { readonly hours: number }[]): number {
  return items.reduce((sum, { hours }) => sum + hours, 0);
}

/** Puts together what software and vendor say of each license. */
export async function readHonored(
  system: SystemUnderTest,
): Promise<(HonoredLicense & SuspendedLicense)[]> {
  const beats = system.vendor.beats();
  return await Promise.all(system.licensed.map(async (run) => ({
    name: run.name,
    graceHours: run.terms.graceDays * 24,
    honored: honoredHours(await run.softwareLog(), run.program.lives),
    beats: beats.filter(({ licenseKey }) => licenseKey === run.terms.licenseKey),
    allowances: run.allowances,
    renewals: run.renewals,
    forgetfulHours: run.forgetfulHours,
  })));
}

/**
 * The hours of the software's lines (`parent self number hour`) that it wrote while the Sentinel that launched it lived:
 * what is left of it afterwards is the next start's to stop.
 */
export function honoredHours(
  log: string,
  lives: readonly { pid: number; fromHour: number; toHour: number }[],
): number[] {
  const hours = new Set<number>();
  for (const [, parent, hour] of log.matchAll(/^(\d+) \d+ \d+ (\d+)$/gm)) {
    const at = Number(hour);
    const isIn = lives.some(({ pid, fromHour, toHour }) =>
      pid === Number(parent) && fromHour <= at && at <= toHour
    );
    if (isIn) hours.add(at);
  }
  return [...hours].sort((a, b) => a - b);
}
