import { assertEquals } from "@std/assert";
import type { License } from "../../src/license/payload.ts";
import { countDaysLeft, LicenseTerm } from "../../src/enforcement/term.ts";
import { createDateWatch } from "../../src/enforcement/watches.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { standardPayload } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";

const HOUR_MS = 3_600_000, DAY_MS = 24 * HOUR_MS;

/** The date watch of a license that ends on 2026-12-31, from a moment on. */
function start(wall: string) {
  const clock = new FakeClock(wall);
  const log = new RecordingLog();
  const license = standardPayload({ expiry_date: "2026-12-31" }) as unknown as License;
  const term = new LicenseTerm(license, {
    log,
    announced: new WeakMap(),
    nowMs: () => clock.wallMs(),
  });
  const days: number[] = [];
  term.onEnding((ending) => days.push(ending.days));
  const stop = new AbortController();
  const ended = createDateWatch(term, clock)(stop.signal);
  return { clock, log, days, ended, stop };
}

Deno.test("the end of a license is announced 30, 14, 7, 3 and 1 days before, once each", async () => {
  const { clock, log, days, ended } = start("2026-11-01T09:00:00Z");
  await clock.advance(61 * DAY_MS);
  assertEquals((await ended)?.code, "license.expired");
  assertEquals(days, [30, 14, 7, 3, 1]);
  assertEquals(
    log.lines(),
    [30, 14, 7, 3, 1].map((n) => `warn license ACME-0001 ends on 2026-12-31 (${n} days)`),
  );
});

Deno.test("a run that starts late announces the end at once, and then on the days that are left", async () => {
  const { clock, days, ended, stop } = start("2026-12-26T23:30:00Z");
  await clock.advance(2 * DAY_MS);
  assertEquals(days, [5, 3]);
  stop.abort();
  await ended;
});

Deno.test("a machine that slept over a day announces the end when it wakes", async () => {
  const { clock, days, ended, stop } = start("2026-12-10T12:00:00Z");
  await clock.advance(HOUR_MS);
  clock.setWall("2026-12-22T12:00:00Z");
  await clock.advance(HOUR_MS);
  assertEquals(days, [21, 9]);
  stop.abort();
  await ended;
});

Deno.test("a clock that is set back and forth announces nothing twice", async () => {
  const { clock, days, ended, stop } = start("2026-12-28T12:00:00Z");
  for (const wall of ["2026-12-01T12:00:00Z", "2026-12-28T15:00:00Z"]) {
    clock.setWall(wall);
    await clock.advance(HOUR_MS);
  }
  assertEquals(days, [3]);
  stop.abort();
  await ended;
});

Deno.test("days are counted to the last day, in UTC", () => {
  const count = (now: string) => countDaysLeft("2026-03-01", Date.parse(now));
  assertEquals(
    ["2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-03-01T23:59:59Z", "2026-03-02T00:00Z"]
      .map(count),
    [1, 0, 0, -1],
  );
  assertEquals(count("2025-03-01T12:00:00Z"), 365);
});
