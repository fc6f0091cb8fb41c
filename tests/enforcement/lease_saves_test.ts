import { assertEquals, assertRejects } from "@std/assert";
import { getExitCode } from "../../src/cli/exit_codes.ts";
import { forever, LeaseBench, LICENSE, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, verified } from "../support/scripted_server.ts";

const DAY = 86_400;

Deno.test("the time of the latest answer is remembered, even if it is earlier", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(verified("ACTIVE", 5_000), verified("ACTIVE", 3_000));
  await bench.beat();
  await bench.beat();
  assertEquals(bench.saved.map((state) => state.last_responded_at_ms), [5_000, 3_000]);
});

const SAVES = [
  ["what the server allows", verified("ACTIVE"), false],
  ["what the server forbids", verified("SUSPENDED"), true],
  ["what a missed heartbeat costs", ANSWERS.unreachable, true],
] as const;

for (const [what, answer, ahead] of SAVES) {
  Deno.test(`${what} is saved so that a kill in the middle may ${ahead ? "not " : ""}lose it`, async () => {
    const bench = new LeaseBench(withGrace(DAY));
    bench.server.script(answer);
    await bench.beat();
    assertEquals(bench.ahead, [ahead]);
  });
}

Deno.test("a save waits for the previous one", async () => {
  const bench = new LeaseBench(withGrace(DAY));
  const first = Promise.withResolvers<void>();
  let begun = 0;
  bench.beforeSave = () => ++begun === 1 ? first.promise : Promise.resolve();
  const saves = [bench.graceBudget.chargeMiss(), bench.graceBudget.chargeMiss()];
  await bench.clock.advance(0);
  assertEquals(begun, 1);
  first.resolve();
  await Promise.all(saves);
  assertEquals([begun, bench.record.grace_remaining_seconds], [2, DAY - 120]);
});

Deno.test("a full disk prevents the software's start, but does not stop it", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.beforeSave = () => Promise.reject(new Error("No space left on device"));
  await assertRejects(() => bench.lease.beatAtStart(forever), Error, "No space left on device");
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(bench.log.lines(), ["error state cannot be saved: No space left on device"]);
});

/** Lets a run without the server go on for minutes, as its watch does. */
async function goOn(bench: LeaseBench, minutes: number) {
  let verdict = await bench.lease.keepAlive();
  for (let minute = 0; minute < minutes && verdict.kind === "continue"; minute++) {
    await bench.clock.advance(60_000);
    verdict = await bench.lease.keepAlive();
  }
  return verdict;
}

const FULL_DISK = () => Promise.reject(new Error("No space left on device"));

const HALF_HOURLY = { ...LICENSE, heartbeat_interval_minutes: 30 };

/** A run without the server; every save fails from now on. */
async function failingOffline(): Promise<LeaseBench> {
  const bench = new LeaseBench(withGrace(30 * DAY), { license: HALF_HOURLY });
  bench.server.script(...Array.from({ length: 9 }, () => ANSWERS.unreachable));
  await bench.lease.beatAtStart(forever);
  bench.beforeSave = FULL_DISK;
  return bench;
}

Deno.test("a run without the server ends once saves have failed for an interval", async () => {
  const bench = await failingOffline();
  assertEquals(await goOn(bench, 29), { kind: "continue" });
  const verdict = await goOn(bench, 1);
  assertEquals(
    verdict.kind === "stop" ? verdict.error.message : "goes on",
    "server unreachable, and the state cannot be saved for 30 minutes — software stopped",
  );
  assertEquals(verdict.kind === "stop" && getExitCode(verdict.error), 82);
});

Deno.test("one save that succeeds begins the interval again", async () => {
  const bench = await failingOffline();
  assertEquals(await goOn(bench, 29), { kind: "continue" });
  bench.beforeSave = () => Promise.resolve();
  assertEquals(await goOn(bench, 1), { kind: "continue" });
  bench.beforeSave = FULL_DISK;
  assertEquals(await goOn(bench, 29), { kind: "continue" });
});

Deno.test("with the server, a disk that stays full ends nothing", async () => {
  const bench = new LeaseBench(withGrace(30 * DAY), { license: HALF_HOURLY });
  bench.server.script(verified("ACTIVE"), verified("ACTIVE"));
  await bench.lease.beatAtStart(forever);
  bench.beforeSave = FULL_DISK;
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(await goOn(bench, 90), { kind: "continue" });
  // the interval begins when the server is missed
  bench.server.script(ANSWERS.unreachable);
  const beat = bench.lease.beat(forever);
  await bench.clock.advance(27 * 60_000);
  assertEquals(await beat, { kind: "continue" });
  assertEquals(await goOn(bench, 2), { kind: "continue" });
});
