import { assertEquals } from "@std/assert";
import { createState } from "../../src/enforcement/grace.ts";
import { LeaseBench } from "../support/lease_bench.ts";
import { ANSWERS } from "../support/scripted_server.ts";

const HOUR_MS = 3_600_000;

/** A run without its server, under a license with an interval of one minute. */
async function offline(): Promise<LeaseBench> {
  const bench = new LeaseBench(createState("M"));
  await bench.lease.activate(new AbortController().signal);
  bench.server.script(ANSWERS.unreachable);
  return bench;
}

/** Seconds of grace that a heartbeat costs now. */
async function costOf(bench: LeaseBench): Promise<number> {
  const before = bench.lease.graceRemainingSeconds;
  await bench.beat();
  return before - bench.lease.graceRemainingSeconds;
}

Deno.test("a night asleep costs one interval", async () => {
  const bench = await offline();
  bench.clock.suspend(8 * HOUR_MS);
  assertEquals(await costOf(bench), 60);
});

Deno.test("several nights of one outage cost one interval together", async () => {
  const bench = await offline();
  assertEquals(await costOf(bench), 60);
  for (let night = 0; night < 3; night++) {
    bench.clock.suspend(8 * HOUR_MS);
    assertEquals(await costOf(bench), 60);
  }
});

Deno.test("time awake is charged whole, with or without sleep: a frozen process", async () => {
  const bench = await offline();
  bench.clock.skip(HOUR_MS);
  bench.clock.suspend(8 * HOUR_MS);
  assertEquals(await costOf(bench), 61 * 60);
});
