import { seededRandom } from "../../tests/support/seeded_random.ts";
import { clockJump } from "./faults/clock_jump.ts";
import { cut } from "./faults/cut.ts";
import type { Fault, FaultKind } from "./faults/fault.ts";
import { deactivation } from "./faults/deactivation.ts";
import { fullDisk } from "./faults/full_disk.ts";
import { kill } from "./faults/kill.ts";
import { pause } from "./faults/pause.ts";
import { recreatedContainer } from "./faults/recreated_container.ts";
import { restoredDatabase } from "./faults/restored_database.ts";
import { softwareKill } from "./faults/software_kill.ts";
import { suspension } from "./faults/suspension.ts";

/** A fault and when it begins, milliseconds after the start. */
export interface ScheduledFault {
  readonly atMs: number;
  readonly fault: Fault;
}

const KINDS: readonly FaultKind[] = [
  kill,
  pause,
  cut,
  fullDisk,
  clockJump,
  suspension,
  softwareKill,
  restoredDatabase,
  recreatedContainer,
  deactivation,
];

/** The mean pause between two faults; with ten runs each of them meets one about twice in a minute. */
const MEAN_PAUSE_MS = 1_500;

/** Faults without end; the same for the same seed and number of runs. */
export function* scheduleFaults(
  seed: number,
  { runs }: { runs: number },
): Generator<ScheduledFault> {
  const random = seededRandom(seed);
  for (let atMs = 0;;) {
    atMs += Math.round(2 * MEAN_PAUSE_MS * random());
    const kind = drawKind(random);
    // what a kind draws for itself moves nothing that comes after it
    const fault = kind.draw({ random: seededRandom(Math.floor(random() * 2 ** 32)), runs });
    yield { atMs, fault };
  }
}

function drawKind(random: () => number): FaultKind {
  let left = random() * KINDS.reduce((sum, { weight }) => sum + weight, 0);
  return KINDS.find(({ weight }) => (left -= weight) < 0) ?? KINDS[0]!;
}
