// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker sets the machine's clock back before each start, and right again behind it, so that his license never ends.
 * The latest time known to be true is kept, with the state and by the server's signature; dates are checked with none that
 * is earlier, and each such clock costs an interval of grace.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { MachineClock } from "../support/machine_clock.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const DAY_MS = 86_400_000;

const dateOf = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** Runs until behind the license's end, then once more with the clock set back to its first day. */
async function setBack(doubles?: Doubles) {
  const expiry_date = dateOf(Date.now() + 10 * DAY_MS);
  await using harness = await AttackHarness.open({ expiry_date, heartbeat_grace_period_days: 90 });
  const clock = new MachineClock(harness.at("clock"));
  const options = clock.with(doubles);
  assertEquals((await harness.run(options)).code, 0);
  await harness.stopServer();
  await harness.script("software", "echo up; exec sleep 1000");
  {
    await using run = harness.start(options);
    await run.stdout.match(/up/);
    clock.pass(12 * DAY_MS);
    run.kill("SIGTERM");
    const { code } = await run.end();
    assert(code === 0 || code === 80, "stopped, or expired just before");
  }
  await harness.script("software", "exit 0");
  assertEquals((await harness.run(options)).code, 80, "with the right time it has expired");
  clock.setWrong(-12 * DAY_MS);
  return await harness.run(options);
}

testWith([POSIX], "setting the clock back makes no expired license valid", async () => {
  const { code, stderr } = await setBack();
  assertEquals(code, 80, stderr);
  assertStringIncludes(stderr, "WARNING: clock rollback detected: wall clock shows ");
  assertStringIncludes(stderr, "license has expired (expiry: ");
});

testWith([POSIX], "if the wall clock is trusted, it does: the attack", async () => {
  const { code, stderr } = await setBack({
    "src/enforcement/trusted_time.ts": "credulous_known_time.ts",
  });
  assertEquals(code, 0, stderr);
});
