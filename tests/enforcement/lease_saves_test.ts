import { assertEquals, assertRejects } from "@std/assert";
import { forever, LeaseBench, withGrace } from "../support/lease_bench.ts";
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
