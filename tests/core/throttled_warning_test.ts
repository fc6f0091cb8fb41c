import { assertEquals } from "@std/assert";
import { createThrottledWarning } from "../../src/core/log.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { RecordingLog } from "../support/recording_log.ts";

Deno.test("a frequent warning is logged once a minute, with the number of suppressed ones", async () => {
  const log = new RecordingLog(), clock = new FakeClock();
  const warn = createThrottledWarning({ log, clock });
  for (let second = 0; second < 130; second++) {
    warn("no room");
    await clock.advance(1_000);
  }
  assertEquals(log.lines(), [
    "warn no room",
    "warn no room (59 more in the last minute)",
    "warn no room (59 more in the last minute)",
  ]);
});
