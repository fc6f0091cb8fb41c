/**
 * Memory of `sentinel run` over an hour's worth of one-second heartbeats. With `--real` they take the hour, and what is
 * resident is measured. Without, they follow one another without a pause; as the collector then lets the heap grow before it
 * looks at it, what is in use after a collection is measured.
 */
import {
  type MarathonOptions,
  readHeap,
  readResident,
  runMarathon,
} from "../../tests/support/heartbeat_marathon.ts";
import type { Bench, BenchRow } from "./bench_row.ts";

/** By the first the heap has its working size; in the real hour that takes half of it. */
const STOPS = [1_800, 3_600] as const;

/** Pages that the collector has not returned yet. */
const ALLOWED_GROWTH = 1.05;

async function measure(
  what: string,
  options: Omit<MarathonOptions<number>, "stops">,
): Promise<BenchRow[]> {
  const [early, late] = await runMarathon({ ...options, stops: STOPS });
  const mebibytes = (bytes: number) => bytes / 2 ** 20;
  const ratio = late! / early!;
  return [{
    name: `run: ${what} after ${STOPS[1]} heartbeats (floor: after ${STOPS[0]})`,
    figure: mebibytes(late!),
    unit: "MiB",
    floor: mebibytes(early!),
    ratio,
    bar: `at most ${ALLOWED_GROWTH} × the floor`,
    met: ratio <= ALLOWED_GROWTH,
  }];
}

export const bench: Bench = {
  measure: () =>
    Deno.args.includes("--real")
      ? measure("resident memory", { look: readResident, tickMs: 1_000 })
      : measure("heap in use", { look: readHeap, tickMs: 1, v8Flags: "--expose-gc" }),
};
