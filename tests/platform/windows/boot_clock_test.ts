import { assert, assertMatch } from "@std/assert";
import { windows } from "../../../src/platform/windows/platform.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import { testWith, WINDOWS } from "../../support/requirements.ts";

openLibraries();

testWith([WINDOWS], "Windows: the boot clock says how long the machine slept", () => {
  const { bootId, bootMs, sleptMs = NaN } = windows.readBootClock();
  assertMatch(bootId, /^\d*$/);
  assert(Number.isSafeInteger(bootMs) && bootMs > 0);
  assert(Number.isSafeInteger(sleptMs) && sleptMs >= 0 && sleptMs <= bootMs, `${sleptMs}`);
});
