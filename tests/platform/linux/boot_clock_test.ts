import { assert, assertEquals } from "@std/assert";
import { readBootClock } from "../../../src/platform/linux/syscalls.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { POSIX, testWith } from "../../support/requirements.ts";

openLibraries();

testWith([POSIX], "the boot clock advances and has a boot id", () => {
  const first = readBootClock(), second = readBootClock();
  assertEquals(first.bootId, second.bootId);
  assertEquals(first.bootId.length, 36);
  assert(second.bootMs >= first.bootMs);
});

testWith([POSIX], "the boot clock matches the system's uptime", () => {
  const before = Deno.osUptime();
  const { bootMs } = readBootClock();
  const after = Deno.osUptime();
  // sysinfo(2) tells whole seconds, those that have begun included
  assert(before - 1 <= bootMs / 1000 && bootMs / 1000 <= after + 1, `${before} ${bootMs} ${after}`);
});
