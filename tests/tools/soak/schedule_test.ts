import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { scheduleFaults } from "../../../tools/soak/schedule.ts";

function firstFaults(seed: number, runs = 10, count = 500): string[] {
  const faults: string[] = [];
  for (const { atMs, fault } of scheduleFaults(seed, { runs })) {
    faults.push(`${atMs} ${fault.words}`);
    if (faults.length === count) break;
  }
  return faults;
}

Deno.test("the same seed gives the same faults at the same times, another one others", () => {
  assertEquals(firstFaults(42), firstFaults(42));
  assertNotEquals(firstFaults(42), firstFaults(43));
});

Deno.test("all kinds of faults occur, ordered by time, and only for existing targets", () => {
  const faults = firstFaults(42, 3);
  const times = faults.map((fault) => parseInt(fault));
  assertEquals(times, times.toSorted((a, b) => a - b));
  const kinds = [
    "kill",
    "pause",
    "network of",
    "disk of",
    "clock of",
    "license of",
    "kill software of",
    "container of",
  ];
  for (const kind of kinds) assert(faults.some((fault) => fault.includes(` ${kind} `)), kind);
  assert(faults.some((fault) => fault.includes("run 3")));
  assert(!faults.some((fault) => fault.includes("run 4")));
});
