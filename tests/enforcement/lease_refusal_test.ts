import { assertEquals, assertRejects } from "@std/assert";
import { RefusedError } from "../../src/enforcement/lease.ts";
import { forever, LeaseBench, withGrace } from "../support/lease_bench.ts";
import { ANSWERS, verified } from "../support/scripted_server.ts";

Deno.test("the server's refusal ends a start; an unsigned one is a stranger's and only costs grace", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(ANSWERS.refused);
  const error = await assertRejects(() => bench.lease.beatAtStart(forever), RefusedError);
  assertEquals(error.message, "heartbeat refused: no such machine");
  bench.server.script(ANSWERS.unsigned);
  await bench.lease.beatAtStart(forever);
  assertEquals((await bench.beat()).kind, "continue");
  assertEquals(bench.record.grace_remaining_seconds, 30);
});

Deno.test("the server's signed refusal of a heartbeat is logged and costs nothing at first", async () => {
  const bench = new LeaseBench(withGrace(90));
  bench.server.script(ANSWERS.refused);
  assertEquals(await bench.beat(), { kind: "continue" });
  assertEquals(bench.lease.graceRemainingSeconds, 90);
  assertEquals(bench.log.lines(), ["warn heartbeat refused by the server: no such machine"]);
  assertEquals(bench.saved, []);
});

Deno.test("a server that refuses every heartbeat, of a clock that is wrong, is as good as none: from the third on", async () => {
  const bench = new LeaseBench(withGrace(150));
  bench.server.script(ANSWERS.refused);
  const left: number[] = [];
  for (let beat = 0; beat < 4; beat++) {
    assertEquals((await bench.beat()).kind, "continue");
    left.push(bench.lease.graceRemainingSeconds);
  }
  assertEquals(left, [150, 150, 90, 30]);
  assertEquals(
    bench.log.lines().at(-1),
    "warn Heartbeat failed (refused 4 times in a row), grace remaining: 30 seconds",
  );
  const verdict = await bench.beat();
  assertEquals(
    verdict.kind === "stop" && verdict.error.message,
    "server unreachable and grace period exhausted (refused 5 times in a row) — software stopped",
  );
});

Deno.test("refusals are counted anew once a heartbeat succeeds, not once nobody answers", async () => {
  const bench = new LeaseBench(withGrace(1000));
  const { refused, unreachable } = ANSWERS;
  const beats = [refused, refused, verified("ACTIVE"), refused, refused, unreachable, refused];
  const left: number[] = [];
  for (const answer of beats) {
    bench.server.script(answer);
    await bench.beat();
    left.push(bench.lease.graceRemainingSeconds);
  }
  assertEquals(left, [1000, 1000, 1000, 1000, 1000, 940, 880]);
});
