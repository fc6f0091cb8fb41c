import { assertEquals } from "@std/assert";
import { lastSoftware } from "../../../../tools/soak/faults/software_kill.ts";

Deno.test("the software to be killed is the last one of this very Sentinel", () => {
  const log = "7 8 0 0\n7 9 0 0\n7 9 1 1\n5 6 0 1\n7 9";
  assertEquals(lastSoftware(log, 7), 9);
  assertEquals(lastSoftware(log, 4), undefined);
  assertEquals(lastSoftware(log, undefined), undefined);
});
