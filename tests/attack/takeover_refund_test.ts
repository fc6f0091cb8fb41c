// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has a copy of the state of version 0.1, from before the license server went away, or that state itself, which
 * another product still shares. He uses up the grace of the product's own state, deletes it, and has the old one taken over
 * once more. The product's replicas have seen later saves; and the shared state names the products that have taken it over.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import {
  isSpent,
  OLD_STATE,
  putInPlace,
  readGrace,
  runOld,
  runOldOffline,
  spendGrace,
} from "../support/old_state.ts";
import { RunHarness } from "../support/run_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { forgetReplicas } from "../support/user_keyring.ts";

const DAY = ["--heartbeat-minutes", "720", "--grace-days", "1", "--max-machines", "1"];
const FULL = 86_400;

const CREDULOUS: Doubles = {
  "src/state/rollback_guard.ts": [[
    "const isBehind = replica !== undefined && replica.counter > other.counter + 1;",
    "const isBehind = replica === undefined;",
  ]],
};
const FORGETFUL: Doubles = {
  "src/enforcement/takeover.ts": [[
    "state.taken_over_by?.includes(place.scope!)",
    "false",
  ]],
};

/** Restores the state of version 0.1 in place of the product's own, which has used up grace since. */
async function restoreOld(): Promise<{ harness: RunHarness; left: number }> {
  const harness = await RunHarness.open(...DAY);
  await runOld(harness);
  await putInPlace(harness, "home", "backup");
  const left = await spendGrace(harness);
  await putInPlace(harness, "backup", "home");
  return { harness, left };
}

testWith(
  [POSIX],
  "the old state restored in place of the product's own refunds nothing",
  async () => {
    const { harness: restored, left } = await restoreOld();
    await using harness = restored;
    const { code, stderr } = await harness.run("/bin/true");
    assertEquals(code, 82, stderr);
    assertStringIncludes(stderr, "state rollback detected: found save ");
    await harness.startServer();
    assertEquals((await harness.run("/bin/true")).code, 0);
    await harness.stopServer();
    const later = await harness.run("/bin/true");
    assert(isSpent(readGrace(later.stderr), left), later.stderr);
  },
);

testWith(
  [POSIX],
  "without a look at the product's replicas it refunds all grace: the attack",
  async () => {
    const { harness: restored } = await restoreOld();
    await using harness = restored;
    const { code, stderr } = await harness.run("/bin/true", { doubles: CREDULOUS });
    assertEquals(code, 0, stderr);
    assertEquals(readGrace(stderr), FULL);
  },
);

/** Deletes the product's own state and its replicas; the state that it shared is still there, for another product. */
async function deleteOwn(): Promise<RunHarness> {
  const harness = await RunHarness.open(...DAY);
  await harness.issue("K2", "--software-id", "comet", ...DAY);
  await runOld(harness, { license: "K2" });
  await runOld(harness);
  await spendGrace(harness);
  await forgetReplicas(harness.folder.path);
  await Deno.remove(harness.folder.at("witness/sentinel-drm"), { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(harness.folder.at(OLD_STATE))) {
    if (!isDirectory) continue;
    await Deno.remove(harness.folder.at(`${OLD_STATE}/${name}`), { recursive: true });
  }
  return harness;
}

testWith(
  [POSIX],
  "the shared state is taken over once: later the product is a new machine, which needs a seat",
  async () => {
    await using harness = await deleteOwn();
    await harness.startServer();
    const { code, stderr } = await harness.run("/bin/true");
    assertEquals(code, 81, stderr);
    assertStringIncludes(stderr, "Maximum machine limit reached");
  },
);

testWith(
  [POSIX],
  "if it could be taken over twice, all grace would come back to the same machine: the attack",
  async () => {
    await using harness = await deleteOwn();
    await harness.startServer();
    assertEquals((await harness.run("/bin/true", { doubles: FORGETFUL })).code, 0);
    await harness.stopServer();
    assertEquals(readGrace((await harness.run("/bin/true")).stderr), FULL);
  },
);

testWith([POSIX], "the state of version 0.1 moved to --state-dir refunds nothing", async () => {
  await using harness = await RunHarness.open(...DAY);
  await runOldOffline(harness);
  assertEquals((await harness.run("/bin/true")).code, 0);
  // the product's own state, in another place
  await moveOwn(harness, "elsewhere");
  harness.stateDir = harness.folder.at("elsewhere");
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 82, stderr);
  assertStringIncludes(stderr, "state rollback detected: a replica is missing");
});

/** Moves the product's own folder. */
async function moveOwn(harness: RunHarness, to: string): Promise<void> {
  const { at } = harness.folder;
  for (const level of [1, 2]) {
    const from = level === 1 ? OLD_STATE : to;
    for await (const { name, isDirectory } of Deno.readDir(at(from))) {
      if (!isDirectory) continue;
      await putInPlace(harness, `${from}/${name}`, `${to}.${level}`);
    }
    await putInPlace(harness, `${to}.${level}`, to);
  }
}
