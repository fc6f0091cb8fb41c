import { assertEquals } from "@std/assert";
import { findGroup } from "../../../src/platform/windows/console.ts";

/** Each with its parent, and when it began. */
const PROCESSES = [
  { pid: 1, parent: 0, startTime: "1" },
  { pid: 10, parent: 1, startTime: "100" },
  { pid: 11, parent: 10, startTime: "200" },
  { pid: 12, parent: 11, startTime: "300" },
  // whose parent has ended, and somebody has its number now
  { pid: 13, parent: 12, startTime: "250" },
  { pid: 14, parent: 99, startTime: "300" },
];

const EXPECTED: Readonly<Record<number, number>> = { 1: 0, 10: 10, 11: 10, 12: 10, 13: 0, 14: 0 };

for (const process of PROCESSES) {
  Deno.test(`of the group that 10 leads, process ${process.pid} is in ${EXPECTED[process.pid]}`, () => {
    const byPid = new Map(PROCESSES.map((each) => [each.pid, each]));
    assertEquals(findGroup(process, byPid, (pid) => pid === 10), EXPECTED[process.pid]);
  });
}
