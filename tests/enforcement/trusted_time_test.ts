import { assertEquals, assertThrows } from "@std/assert";
import { checkDates } from "../../src/license/payload.ts";
import { LicenseError } from "../../src/license/errors.ts";
import { UnreachableError } from "../../src/enforcement/judgment.ts";
import type { TamperFinding } from "../../src/enforcement/tamper_findings.ts";
import { createState, findRecord } from "../../src/enforcement/grace.ts";
import type { StandardLicense } from "../../src/license/payload.ts";
import { computeUnchargedMs, TrustedTime } from "../../src/enforcement/trusted_time.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { forever, LeaseBench, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, verified } from "../support/scripted_server.ts";

const MINUTE_MS = 60_000, HOUR_MS = 3_600_000;
const NOON = Date.parse("2026-06-15T12:00:00Z");

Deno.test("time continues by the monotonic clock when the wall clock is set back", () => {
  const clock = new FakeClock();
  const time = new TrustedTime(clock, 0);
  assertEquals(time.takeRollback(), undefined);
  clock.skip(HOUR_MS);
  clock.setWall("2026-06-14T00:00:00Z");
  assertEquals(time.nowMs(), NOON + HOUR_MS);
});

Deno.test("five minutes back are a correction, more are a rollback, reported once", () => {
  const clock = new FakeClock();
  const time = new TrustedTime(clock, NOON);
  clock.setWall("2026-06-15T11:55:00Z");
  assertEquals(time.takeRollback(), undefined);
  clock.setWall("2026-06-15T11:54:59Z");
  assertEquals(time.takeRollback(), 301_000);
  clock.skip(MINUTE_MS);
  assertEquals(time.takeRollback(), undefined);
  clock.setWall("2026-06-15T11:40:00Z");
  assertEquals(time.takeRollback(), 1_260_000);
  clock.setWall("2026-06-15T12:01:00Z");
  assertEquals(time.takeRollback(), undefined);
  clock.setWall("2026-06-15T11:00:00Z");
  assertEquals(time.takeRollback(), 3_660_000);
});

Deno.test("a clock that was ahead is cleared by the server's answer, not by correcting it", () => {
  const clock = new FakeClock();
  const time = new TrustedTime(clock, Date.parse("2099-01-01T00:00:00Z"));
  assertEquals(new Date(time.nowMs()).getUTCFullYear(), 2099);
  time.confirm(NOON);
  assertEquals([time.takeRollback(), time.nowMs()], [undefined, NOON]);
});

Deno.test("a suspended machine's clock runs ahead of the monotonic one, which is no rollback", () => {
  const clock = new FakeClock();
  const time = new TrustedTime(clock, NOON);
  clock.setWall("2026-06-16T12:00:00Z");
  assertEquals(time.takeRollback(), undefined);
  clock.skip(MINUTE_MS);
  assertEquals(time.takeRollback(), undefined);
  assertEquals(time.nowMs(), NOON + 24 * HOUR_MS + MINUTE_MS);
});

Deno.test("a clock that is set back while running is logged, reported, and costs one interval at once", async () => {
  const bench = new LeaseBench(withGrace(200));
  const told: TamperFinding[] = [], remaining: number[] = [];
  bench.findings.onFinding((finding) => told.push(finding));
  bench.lease.onGraceCharged((seconds) => remaining.push(seconds));
  await bench.lease.keepAlive();
  bench.clock.setWall("2026-06-14T12:00:00Z");
  assertEquals(await bench.lease.keepAlive(), { kind: "continue" });
  await bench.lease.keepAlive();
  assertEquals(remaining, [140]);
  const evidence =
    "wall clock shows 2026-06-14T12:00:00.000Z, but it is at least 2026-06-15T12:00:00.000Z";
  assertEquals(told, [{ kind: "clock_rollback", message: "clock rollback detected", evidence }]);
  assertEquals(bench.log.lines(), [`warn clock rollback detected: ${evidence}`]);
});

Deno.test("a start with an earlier clock than the last run's is a rollback, and the dates use the later time", async () => {
  const license = { issue_date: "2020-01-01", expiry_date: "2026-06-15" };
  const first = new LeaseBench(withGrace(300), { clock: new FakeClock("2026-06-16T08:00:00Z") });
  first.server.script(ANSWERS.unreachable);
  await first.lease.beatAtStart(forever);
  await first.graceBudget.end();

  const second = new LeaseBench(first.saved.at(-1)!, { clock: new FakeClock() });
  await second.lease.checkClock();
  second.server.script(ANSWERS.unreachable);
  await second.lease.beatAtStart(forever);
  assertEquals(second.findings.count, 1);
  assertEquals(second.lease.graceRemainingSeconds, 240);
  assertThrows(
    () => checkDates(license, second.lease.nowMs()),
    LicenseError,
    "license has expired (expiry: 2026-06-15)",
  );

  // the attack: without the saved time the expired license is valid again
  const forgetful = { ...first.saved.at(-1)!, latest_known_ms: 0 };
  const third = new LeaseBench(forgetful, { clock: new FakeClock() });
  await third.lease.checkClock();
  assertEquals(third.findings.count, 0);
  checkDates(license, third.lease.nowMs());
});

Deno.test("the time of the latest answer is known to be true, whatever was known before", async () => {
  const bench = new LeaseBench(withGrace(200));
  bench.server.script(verified("ACTIVE", NOON + HOUR_MS));
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.lease.nowMs(), NOON + HOUR_MS);
  bench.server.script(verified("ACTIVE", NOON + MINUTE_MS));
  await bench.lease.beatAtStart(forever);
  assertEquals(bench.lease.nowMs(), NOON + MINUTE_MS);
  await bench.lease.keepAlive();
  assertEquals(bench.lease.graceRemainingSeconds, 200);
  assertEquals(bench.saved.at(-1)!.latest_known_ms, NOON + MINUTE_MS);
});

Deno.test("a run under a clock that was wrong at both ends costs a later one nothing that has the server", async () => {
  const clock = new FakeClock("2026-09-13T12:00:00Z");
  const poisoned = new LeaseBench(withGrace(200), { clock });
  poisoned.server.script(verified("ACTIVE", clock.wallMs()));
  await poisoned.lease.beatAtStart(forever);

  const state = poisoned.saved.at(-1)!;
  const offline = new LeaseBench(state);
  offline.server.script(ANSWERS.unreachable);
  await offline.lease.beatAtStart(forever);
  assertEquals(offline.log.lines()[0]?.startsWith("warn clock rollback detected"), true);
  assertEquals(offline.lease.graceRemainingSeconds, 140);

  const later = new LeaseBench(state);
  later.server.script(verified("ACTIVE", NOON));
  await later.lease.beatAtStart(forever);
  await later.lease.keepAlive();
  assertEquals([later.log.lines(), later.lease.graceRemainingSeconds], [[], 200]);
  assertEquals(later.lease.nowMs(), NOON);
});

Deno.test("a rollback that uses up the last grace stops software that has no server, no other", async () => {
  const online = new LeaseBench(withGrace(60));
  await online.lease.keepAlive();
  online.clock.setWall("2026-06-14T12:00:00Z");
  assertEquals(await online.lease.keepAlive(), { kind: "continue" });
  assertEquals(online.record.grace_exhausted, true);

  const offline = new LeaseBench(withGrace(60));
  offline.server.script(ANSWERS.unreachable);
  await offline.lease.checkClock();
  await offline.lease.beatAtStart(forever);
  offline.clock.setWall("2026-06-14T12:00:00Z");
  const verdict = await offline.lease.keepAlive();
  assertEquals(verdict.kind === "stop" && verdict.error instanceof UnreachableError, true);
});

const MARK = { wall_ms: NOON, boot_id: "b1", boot_ms: HOUR_MS };

/** What a killed run costs at a start that shows these clocks, in seconds. */
function billOf({ wallMs = 0, bootMs = 0, bootId = "b1" }): number {
  const license = { license_key: "K", heartbeat_grace_period_days: 1 } as StandardLicense;
  const record = { ...findRecord(createState("M"), license), last_alive: MARK };
  const boot = { bootId, bootMs: MARK.boot_ms + bootMs };
  return computeUnchargedMs(record, { wallMs: NOON + wallMs, boot }) / 1000;
}

Deno.test("a killed run costs the greater of boot and wall time, a minute at most", () => {
  assertEquals(billOf({ wallMs: 20_000, bootMs: 20_000 }), 20);
  assertEquals(billOf({ wallMs: 50_000, bootMs: 1000 }), 50);
  assertEquals(billOf({ wallMs: 1000, bootMs: 50_000 }), 50);
  assertEquals(billOf({ wallMs: HOUR_MS, bootMs: 1000 }), 60);
  assertEquals(billOf({ wallMs: -HOUR_MS, bootMs: 20_000 }), 20);
  assertEquals(billOf({ wallMs: 20_000, bootMs: -1000 }), 60);
});

Deno.test("after another boot a killed run costs wall time, and a minute if that runs backwards", () => {
  assertEquals(billOf({ wallMs: 20_000, bootMs: 50_000, bootId: "b2" }), 20);
  assertEquals(billOf({ wallMs: -20_000, bootId: "b2" }), 60);
});
