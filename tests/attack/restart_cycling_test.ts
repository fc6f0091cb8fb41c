// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker keeps the license server away and stops each run just before its heartbeat, so that none is ever missed. Time
 * is charged, not heartbeats: what a run without the server used and did not pay for, the next start pays first.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { MachineClock } from "../support/machine_clock.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const INTERVAL_MINUTES = 480, ALMOST_MS = (INTERVAL_MINUTES - 1) * 60_000;

/** A day of grace is three intervals, so the fifth start is one too many. */
const CYCLES = 4;

/** Cycles so often and starts once more; how that ends. */
async function cycle(doubles?: Doubles) {
  await using harness = await AttackHarness.open({ heartbeat_interval_minutes: INTERVAL_MINUTES });
  const clock = new MachineClock(harness.at("clock"));
  const options = clock.with(doubles);
  assertEquals((await harness.run(options)).code, 0);
  await harness.stopServer();
  await harness.script("software", "echo up; exec sleep 1000");
  for (let i = 0; i < CYCLES; i++) {
    await using run = harness.start(options);
    await run.stdout.match(/up/);
    clock.pass(ALMOST_MS);
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
  }
  await harness.script("software", "exit 0");
  return await harness.run(options);
}

testWith([POSIX], "runs that end before each heartbeat use up the grace", async () => {
  const { code, stderr } = await cycle();
  assertEquals(code, 82, stderr);
  assertStringIncludes(stderr, "grace period exhausted — cannot start");
});

testWith([POSIX], "if time is not recorded, they continue forever: the attack", async () => {
  const { code, stderr } = await cycle({
    "src/enforcement/trusted_time.ts": "forgetful_offline_time.ts",
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "operating under grace period (86400 seconds remaining)");
});
