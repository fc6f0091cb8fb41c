// Not on Windows: there, a folder that is in use cannot be moved.
/**
 * The attacker takes the state folder away once the software runs without the license server, kills Sentinel when he has
 * enough, and puts the folder back: what that run used was never saved. Saves may fail for one interval, then the run ends.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { readGrace } from "../support/old_state.ts";
import { LINUX, testWith } from "../support/requirements.ts";

const DAYS = 30, DAY_SECONDS = 86_400;

/** The keyring, which has a replica of what was used, may not be used in most containers. */
const NO_KEYRING: Doubles = {
  "src/platform/linux/platform.ts": [[
    "userKeyring: () => linuxUserKeyring,",
    "userKeyring: () => undefined,",
  ]],
};

/** A run without the server that cannot save, an hour and then two days later. */
async function takeFolderAway(harness: AttackHarness, doubles?: Doubles) {
  const tell = (hours: number) => {
    Deno.writeTextFileSync(harness.at("told.new"), String(hours));
    Deno.renameSync(harness.at("told.new"), harness.at("told"));
  };
  tell(0);
  const env = { TOLD_HOURS: harness.at("told") };
  const options = { fixture: "sentinel_in_told_time.ts", env, doubles: NO_KEYRING };
  assertEquals((await harness.run(options)).code, 0);
  await harness.stopServer();
  await harness.script("software", "echo up; exec sleep 1000 >&- 2>&-");
  const run = harness.start({ ...options, doubles: { ...NO_KEYRING, ...doubles } });
  await run.stdout.match(/up/);
  Deno.renameSync(harness.at("state"), harness.at("away"));
  await Deno.writeTextFile(harness.at("state"), "");
  tell(1);
  await run.stderr.match(/state cannot be saved: /);
  run.stderr.text = "";
  tell(48);
  return { run, options };
}

testWith([LINUX], "a run without the server that cannot save ends after an interval", async () => {
  await using harness = await AttackHarness.open({
    heartbeat_interval_minutes: 60,
    heartbeat_grace_period_days: DAYS,
  });
  const { run } = await takeFolderAway(harness);
  const { code, stderr } = await run.end();
  assertEquals(code, 82, stderr);
  assertStringIncludes(stderr, "the state cannot be saved for 60 minutes — software stopped");
});

testWith([LINUX], "if it goes on, two days cost a minute: the attack", async () => {
  await using harness = await AttackHarness.open({
    heartbeat_interval_minutes: 60,
    heartbeat_grace_period_days: DAYS,
  });
  const { run, options } = await takeFolderAway(harness, {
    "src/enforcement/lease.ts": [["this.#graceBudget.unsavedMs < minutes * MINUTE_MS", "true"]],
  });
  await run.stderr.match(/state cannot be saved: /);
  run.kill("SIGKILL");
  await run.end();
  await Deno.remove(harness.at("state"));
  Deno.renameSync(harness.at("away"), harness.at("state"));
  await harness.script("software", "echo up");
  const { code, stderr } = await harness.run(options);
  assertEquals(code, 0, stderr);
  assert(readGrace(stderr) > DAYS * DAY_SECONDS - 1000, stderr);
});
