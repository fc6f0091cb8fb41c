import { assert } from "@std/assert";
import { systemClock } from "../../src/core/clock.ts";

Deno.test("sleep() ends at once if its signal aborts or is already aborted", async () => {
  const stop = new AbortController();
  const sleep = systemClock.sleep(3_600_000, stop.signal);
  stop.abort();
  await sleep;
  await systemClock.sleep(3_600_000, stop.signal);
});

Deno.test("sleep() accepts delays longer than one timer allows", async () => {
  const stop = new AbortController();
  let isOver = false;
  const sleep = systemClock.sleep(2 ** 33, stop.signal).then(() => isOver = true);
  // a timer with too long a delay fires at once, before one that is set after it
  await systemClock.sleep(1);
  assert(!isOver);
  stop.abort();
  await sleep;
});
