import { assertEquals } from "@std/assert";
import { parseStat } from "../../../src/platform/linux/proc.ts";

/** proc_pid_stat(5), up to the start time, which is the 22nd field. */
function statOf(name: string): string {
  return `17 (${name}) S 5 6 7 34816 17 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 99 1`;
}

// whoever runs a program names it, and so could pass for another's child
for (const name of ["sleep", "a b", "x) Z 1 1 (1", ")", ""]) {
  Deno.test(`parseStat() is not misled by a program that is named "${name}"`, () => {
    assertEquals(parseStat(statOf(name)), {
      name,
      state: "S",
      parent: 5,
      group: 6,
      session: 7,
      startTicks: "123456",
    });
  });
}
