import { assert } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";

Deno.test("sleep() ends at once when it is cancelled, and when it was before", async () => {
  const stop = new AbortController();
  const sleep = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await sleep;
  await systemClock.sleep(3_600_000, stop.signal);
});

Deno.test("sleep() takes longer times than one timer holds", async () => {
  const stop = new AbortController();
  let isOver = false;
  const sleep = systemClock.sleep(2 ** 33, stop.signal).then(() => isOver = true);
  // a timer that is given too much fires at once, which is before one that is set behind it
  await systemClock.sleep(1);
  assert(!isOver);
  stop.abort();
  await sleep;
});
