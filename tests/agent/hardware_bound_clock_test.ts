import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { LicenseError } from "../../src/license/errors.ts";
import { makeV1, readHardware } from "../../src/license/fingerprint.ts";
import type { HardwareBoundLicense } from "../../src/license/payload.ts";
import { HardwareBoundLicensing } from "../../src/agent/hardware_bound.ts";
import type { RunDependencies } from "../../src/agent/run_request.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { machineSources } from "../support/machine_sources.ts";
import { hardwareBoundPayload } from "../support/organization.ts";
import { RecordingLog } from "../support/recording_log.ts";

const MINUTE_MS = 60_000, HOUR_MS = 3_600_000;
const LICENSE = hardwareBoundPayload({
  hardware_fingerprint: await makeV1(await readHardware(machineSources("M"))),
  expiry_date: "2026-06-15",
}) as unknown as HardwareBoundLicense;

/** A run under a license that ends with this day, at noon, and what ends it. */
async function start() {
  const clock = new FakeClock("2026-06-15T12:00:00Z");
  const log = new RecordingLog();
  const platform = { fingerprintSources: () => Promise.resolve(machineSources("M")) };
  const deps = { clock, log, platform } as unknown as RunDependencies;
  const licensing = await HardwareBoundLicensing.open(LICENSE, deps);
  const { watches } = await licensing.prove(LICENSE);
  const stop = new AbortController();
  const ended = Promise.race(watches.map((watch) => watch(stop.signal)));
  const end = async () => {
    stop.abort();
    await ended;
    assertEquals(clock.sleeping, 0);
  };
  return { clock, log, licensing, ended, end };
}

Deno.test("a clock that is set back while the software runs is reported, and does not keep the license valid", async () => {
  const { clock, log, licensing, ended } = await start();
  await clock.advance(HOUR_MS);
  clock.setWall("2026-06-14T13:00:00Z");
  await clock.advance(MINUTE_MS);
  assertEquals(log.lines().filter((line) => !line.includes(" ends on ")), [
    "warn clock rollback detected: wall clock shows 2026-06-14T13:01:00.000Z, " +
    "but it is at least 2026-06-15T13:01:00.000Z",
  ]);
  assertEquals(licensing.findings.open.length, 1);
  await clock.advance(11 * HOUR_MS);
  assertStringIncludes((await ended)!.message, "license has expired (expiry: 2026-06-15)");
  assertEquals(clock.wallMs(), Date.parse("2026-06-15T00:01:00Z"));
  assertEquals(licensing.findings.count, 1);
  await assertRejects(() => licensing.prove(LICENSE), LicenseError, "license has expired");
});

Deno.test("a corrected clock has no effect on the run", async () => {
  const { clock, licensing, end } = await start();
  clock.setWall("2026-06-15T10:00:00Z");
  await clock.advance(MINUTE_MS);
  assertEquals(licensing.findings.open.length, 1);
  clock.setWall("2026-06-15T12:01:00Z");
  await clock.advance(MINUTE_MS);
  assertEquals(licensing.findings.open.length, 0);
  await end();
});

Deno.test("a correction of five minutes is ignored", async () => {
  const { clock, log, end } = await start();
  clock.setWall("2026-06-15T11:55:00Z");
  await clock.advance(HOUR_MS);
  assertEquals(log.lines().filter((line) => !line.includes(" ends on ")), []);
  await end();
});
