/**
 * Resident memory of `sentinel run` over an hour's worth of one-second heartbeats. They follow one another without a pause;
 * `--real` takes the whole hour.
 */
import { readResident, runMarathon } from "../support/heartbeat_marathon.ts";
import type { Bench, BenchRow } from "./bench_row.ts";

/** The heap is as large as the garbage collector lets it become after a third of the time. */
const STOPS = [1_200, 3_600] as const;

/** Pages that the collector has not returned yet. */
const ALLOWED_GROWTH = 1.1;

export async function measureRunMemory(tickMs: number): Promise<BenchRow[]> {
  const [early, late] = await runMarathon({ stops: STOPS, look: readResident, tickMs });
  const mebibytes = (bytes: number) => bytes / 2 ** 20;
  const ratio = late! / early!;
  return [{
    name: `run: resident memory after ${STOPS[1]} heartbeats (floor: after ${STOPS[0]})`,
    figure: mebibytes(late!),
    unit: "MiB",
    floor: mebibytes(early!),
    ratio,
    bar: `at most ${ALLOWED_GROWTH} × the floor`,
    met: ratio <= ALLOWED_GROWTH,
  }];
}

export const bench: Bench = {
  measure: () => measureRunMemory(Deno.args.includes("--real") ? 1_000 : 1),
};
