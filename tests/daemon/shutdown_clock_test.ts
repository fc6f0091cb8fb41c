import { assertEquals } from "@std/assert";
import { startDeadline } from "../../src/daemon/run_daemon.ts";
import { FakeClock } from "../support/fake_clock.ts";

/** A deadline of a second, and its effects so far. */
function start() {
  const clock = new FakeClock();
  const events: string[] = [];
  const force = () => void events.push("force");
  const deadline = startDeadline({ timeoutMs: 1_000, clock, force });
  deadline.missed.then(() => events.push("missed"));
  return { clock, deadline, events };
}

Deno.test("a shutdown is forced after half of its time, and has failed at its end", async () => {
  const { clock, events } = start();
  await clock.advance(499);
  assertEquals(events, []);
  await clock.advance(1);
  assertEquals(events, ["force"]);
  await clock.advance(500);
  assertEquals(events, ["force", "missed"]);
});

for (const atMs of [100, 600]) {
  Deno.test(`a shutdown that is done after ${atMs} ms is in time`, async () => {
    const { clock, deadline, events } = start();
    await clock.advance(atMs);
    const before = [...events];
    deadline.met();
    await clock.advance(2_000);
    assertEquals(events, before);
  });
}
