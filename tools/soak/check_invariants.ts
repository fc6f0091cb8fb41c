import { checkEnding } from "./invariants/endings.ts";
import { checkGrace, readHonored } from "./invariants/grace.ts";
import { checkLeftovers, findLeftovers } from "./invariants/leftovers.ts";
import { checkMemory, type MemoryCourse, warmSample } from "./invariants/memory.ts";
import { checkSuspension } from "./invariants/suspension.ts";
import { checkOutput, checkRecorded, readRecords } from "./invariants/output.ts";
import type { SystemUnderTest } from "./system.ts";

/** What came of looking at one invariant. */
export interface Finding {
  readonly invariant: string;
  /** What was looked at, and how much of it. */
  readonly looked: string;
  /** Empty if the invariant holds. */
  readonly complaints: readonly string[];
}

/** What was seen while the system ran. */
export interface Seen {
  /** Programs that did not restart after all faults had ended. */
  readonly late: readonly string[];
  readonly courses: readonly MemoryCourse[];
}

/** Looks at everything that must hold, once the system has been stopped. */
export async function checkInvariants(
  system: SystemUnderTest,
  { late, courses }: Seen,
): Promise<Finding[]> {
  // reading the vendor's database leaves files beside it
  const leftovers = await findLeftovers(system);
  return [
    ...await lookAtLicenses(system),
    lookAtPlaces(system),
    await lookAtOutput(system),
    {
      invariant: "nothing is left",
      looked: `processes, ${leftovers.files.length} files`,
      complaints: checkLeftovers(leftovers),
    },
    {
      invariant: "memory is flat",
      looked: `${courses.length} lives of server and daemon, ` +
        `${courses.filter(warmSample).length} until they were warm`,
      complaints: courses.flatMap(checkMemory),
    },
    lookAtEndings(system),
    {
      invariant: "everything runs again",
      looked: `${system.programs.length} programs`,
      complaints: late,
    },
  ];
}

async function lookAtLicenses(system: SystemUnderTest): Promise<Finding[]> {
  const licenses = await readHonored(system);
  const count = (of: "honored" | "beats") =>
    licenses.reduce((sum, { [of]: { length } }) => sum + length, 0);
  const told = licenses.flatMap(({ beats }) => beats.filter(({ status }) => status !== "ACTIVE"));
  return [
    {
      invariant: "no license is honored beyond its grace",
      looked: `${licenses.length} licenses, ${count("honored")} hours, ${
        count("beats")
      } heartbeats`,
      complaints: licenses.flatMap(checkGrace),
    },
    {
      invariant: "no license is honored once suspended",
      looked: `${told.length} heartbeats were told so`,
      complaints: licenses.flatMap(checkSuspension),
    },
  ];
}

function lookAtPlaces({ licensed, vendor }: SystemUnderTest): Finding {
  const counts = licensed.map(({ name, terms: { licenseKey } }) => ({
    name,
    count: vendor.countMachines(licenseKey),
  }));
  return {
    invariant: "each machine has one place",
    looked: `${counts.reduce((sum, { count }) => sum + count, 0)} machines`,
    complaints: counts.filter(({ count }) => count > 1)
      .map(({ name, count }) => `${name} has ${count} places on its license`),
  };
}

async function lookAtOutput(system: SystemUnderTest): Promise<Finding> {
  const records = await readRecords(system);
  const whole = records.filter(({ isWhole }) => isWhole).length;
  const watched = system.operators.flatMap(({ watched }) => watched);
  return {
    invariant: "no output byte is lost or doubled",
    looked: `${records.length} processes, ${whole} to their end, ${watched.length} times watched`,
    complaints: [
      ...checkRecorded(records, watched),
      ...(await Promise.all(records.map(checkOutput))).flat(),
    ],
  };
}

function lookAtEndings({ programs }: SystemUnderTest): Finding {
  const endings = programs.flatMap(({ name, lives }) => lives.map((life) => ({ name, ...life })));
  return {
    invariant: "programs end only for a reason",
    looked: `${endings.length} ends`,
    complaints: endings.flatMap(checkEnding),
  };
}
