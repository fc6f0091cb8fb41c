import { systemClock } from "../../src/core/clock.ts";
import { checkLeftovers, findLeftovers } from "./invariants/leftovers.ts";
import { scheduleFaults } from "./schedule.ts";
import { SystemUnderTest } from "./system_under_test.ts";

export interface SoakOptions {
  readonly seed: number;
  /** How long things go wrong. */
  readonly chaosMs: number;
  /** How many `sentinel run` there are. */
  readonly runs: number;
  /** Ends the chaos early; everything is stopped and checked all the same. */
  readonly signal: AbortSignal;
  /** Told what happens, a line each. */
  readonly say: (line: string) => void;
}

/** What was held against an invariant; none of it where all is well. */
export interface Finding {
  readonly invariant: string;
  readonly complaints: readonly string[];
}

/** How a soak went. */
export interface SoakReport {
  readonly findings: readonly Finding[];
}

/** In which one hour goes by. */
const HOUR_TAKES_MS = 1_000;

/** Starts a whole system, lets things go wrong, stops it, and checks every invariant. */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  const { seed, runs, say } = options;
  await using system = await SystemUnderTest.start({ runs, seed });
  say(`${system.programs.length} programs run in ${system.folder.path}`);
  const over = new AbortController();
  const time = system.time.run(over.signal, { everyMs: HOUR_TAKES_MS });
  const operators = system.operators.map((operator) => operator.work(over.signal));
  await inflictFaults(system, options);
  say("all faults are over");
  const late = await system.findLate();
  over.abort();
  say("stopping everything");
  await system.stop();
  await Promise.all([time, ...operators]);
  const findings = [
    { invariant: "everything runs again", complaints: late },
    { invariant: "nothing is left", complaints: checkLeftovers(await findLeftovers(system)) },
  ];
  return { findings };
}

async function inflictFaults(
  system: SystemUnderTest,
  { seed, runs, chaosMs, signal, say }: SoakOptions,
): Promise<void> {
  const over = AbortSignal.any([signal, AbortSignal.timeout(chaosMs)]);
  const beganMs = systemClock.monotonicMs();
  const passing: Promise<void>[] = [];
  for (const { atMs, fault } of scheduleFaults(seed, { runs })) {
    await systemClock.sleep(atMs - (systemClock.monotonicMs() - beganMs), over);
    if (over.aborted) break;
    say(`${(atMs / 1000).toFixed(1).padStart(6)} s  ${fault.words}`);
    passing.push(fault.inflict(system, over));
  }
  await Promise.all(passing);
}
