import { systemClock } from "../../src/core/clock.ts";
import { checkInvariants, type Finding } from "./check_invariants.ts";
import { watchMemory } from "./invariants/memory.ts";
import { scheduleFaults } from "./schedule.ts";
import { type SystemOptions, SystemUnderTest } from "./system.ts";

export interface SoakOptions extends SystemOptions {
  /** Told hours for which nobody reaches the vendor in the end; a license's grace is over by then, or the meter stands. */
  readonly lastOutageHours: number;
  /** Ends the chaos early; everything is stopped and checked all the same. */
  readonly signal: AbortSignal;
  /** Told how it goes on, a line each. */
  readonly say: (line: string) => void;
  /** Told each fault. */
  readonly sayFault: (line: string) => void;
}

/** In which one hour goes by: usually, and in the last outage, where no request can come too late for its hour. */
const HOUR_TAKES_MS = 1_000, HOUR_OF_OUTAGE_TAKES_MS = 300;

const SETTLING_HOURS = 2;

const PROGRESS_EVERY_MS = 10_000;

/** Starts a whole system, lets things go wrong, stops it, and checks every invariant. */
export async function runSoak(options: SoakOptions): Promise<Finding[]> {
  const { say } = options;
  await using system = await SystemUnderTest.start(options);
  say(`${system.programs.length} programs run in ${system.folder.path}`);
  const over = new AbortController();
  // operators and watch end with a fault that cannot be inflicted, too
  using _ = { [Symbol.dispose]: () => over.abort() };
  const memory = watchMemory([system.vendor.server, system.daemon.program], over.signal);
  const operators = system.operators.map((operator) => operator.work(over.signal));
  await passHours(system, HOUR_TAKES_MS, () => inflictFaults(system, options));
  await passHours(system, HOUR_OF_OUTAGE_TAKES_MS, () => cutOffAll(system, options));
  say("no more faults: everything is to run again");
  const late = await passHours(system, HOUR_TAKES_MS, () => findLate(system));
  over.abort();
  say("stopping everything");
  await system.stop();
  await Promise.all(operators);
  return await checkInvariants(system, { late, courses: await memory });
}

/** Who does not come back; the others have the time to put right what was broken off. */
async function findLate(system: SystemUnderTest): Promise<string[]> {
  const late = await system.findLate();
  await system.time.waitUntil(system.time.hour + SETTLING_HOURS);
  return late;
}

/** Lets an hour go by every so often, for as long as something lasts. */
async function passHours<T>(
  { time }: SystemUnderTest,
  everyMs: number,
  something: () => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const passing = time.run(over.signal, { everyMs });
  try {
    return await something();
  } finally {
    over.abort();
    await passing;
  }
}

async function inflictFaults(
  system: SystemUnderTest,
  { seed, runs, chaosMs, signal, say, sayFault }: SoakOptions,
): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(chaosMs)]);
  const beganMs = systemClock.monotonicMs(), passedMs = () => systemClock.monotonicMs() - beganMs;
  const passing: Promise<void>[] = [];
  const progress = tellAgainAndAgain(over, () => {
    const ready = system.programs.filter(({ isReady }) => isReady).length;
    say(
      `${Math.round(passedMs() / 1000)} s: ${passing.length} faults, ${ready} of ` +
        `${system.programs.length} programs are up, it is hour ${system.time.hour}`,
    );
  });
  for (const { atMs, fault } of scheduleFaults(seed, { runs })) {
    await systemClock.sleep(atMs - passedMs(), over);
    if (over.aborted) break;
    const whyNot = fault.whyNot?.(system);
    const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
    sayFault(`${(atMs / 1000).toFixed(1).padStart(6)} s  ${fault.words}${skipped}`);
    if (whyNot !== undefined) continue;
    const inflicted = fault.inflict(system, over);
    // that it could not be inflicted is told when all is over, and cleaned up
    inflicted.catch(() => {});
    passing.push(inflicted);
  }
  await Promise.all([progress, ...passing]);
}

async function tellAgainAndAgain(signal: AbortSignal, tell: () => void): Promise<void> {
  for (;;) {
    await systemClock.sleep(PROGRESS_EVERY_MS, signal);
    if (signal.aborted) return;
    tell();
  }
}

async function cutOffAll(
  { licensed, time }: SystemUnderTest,
  { lastOutageHours, say }: SoakOptions,
): Promise<void> {
  if (lastOutageHours === 0) return;
  say(`nobody reaches the vendor for ${lastOutageHours} hours`);
  const ends = licensed.map(({ network }) => network.cut({ how: "refuse" }));
  await time.waitUntil(time.hour + lastOutageHours);
  for (const end of ends) end();
}
