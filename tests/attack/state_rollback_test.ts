// Not on Windows: the attacks are made with shell scripts and POSIX files.
// Compiled as well: the executable defends itself, without the sources beside it.
/**
 * The attacker keeps a copy of the state from before the license server went away, and puts it back when the grace is used
 * up: the file, its whole folder, or the directory of the replica, too, and empties the kernel's keyring. Every save is numbered, and replicas in three places
 * have seen the number; a state that is gone or unreadable has the server to ask.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { copyFolder } from "../support/copy_folder.ts";
import { isSpent, readGrace, spendGrace } from "../support/old_state.ts";
import { RunHarness } from "../support/run_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { testWith } from "../support/requirements.ts";
import { forgetReplicas, NEEDS_USER_KEYRING } from "../support/user_keyring.ts";

async function copy(harness: RunHarness, from: string, to: string): Promise<void> {
  const at = (name: string) => harness.folder.at(name);
  await Deno.remove(at(to), { recursive: true }).catch(() => {});
  await copyFolder(at(from), at(to));
}

/** A customer whose runs used up grace without the server, and then put the state folder back; what was left. */
async function putBack(doubles?: Doubles): Promise<{ harness: RunHarness; left: number }> {
  const harness = await RunHarness.open("--grace-days", "1");
  harness.stateDir = undefined;
  assertEquals((await harness.run("/bin/true", { doubles })).code, 0);
  await copy(harness, "home", "backup");
  const left = await spendGrace(harness, doubles);
  await copy(harness, "backup", "home");
  return { harness, left };
}

Deno.test("a restored state folder refunds nothing: without the server the software does not start", async () => {
  const { harness: restored, left } = await putBack();
  await using harness = restored;
  const refused = await harness.run("/bin/true");
  assertEquals(refused.code, 82, refused.stderr);
  assertStringIncludes(refused.stderr, "WARNING: state rollback detected: found save ");
  assertStringIncludes(refused.stderr, "grace period exhausted — cannot start");

  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
  await harness.stopServer();
  const resumed = await harness.run("/bin/true");
  assertEquals(resumed.code, 0, resumed.stderr);
  assert(isSpent(readGrace(resumed.stderr), left), resumed.stderr);
});

testWith(
  [],
  "without replicas outside the folder, a restored state refunds all grace: the attack",
  async () => {
    const doubles = {
      "src/state/rollback_guard.ts": "no_replicas.ts",
    };
    const { harness: restored } = await putBack(doubles);
    await using harness = restored;
    const { code, stderr } = await harness.run("/bin/true", { doubles });
    assertEquals(code, 0, stderr);
    assertEquals(readGrace(stderr), 86_400);
  },
);

testWith(
  [NEEDS_USER_KEYRING],
  "the replica outside restored with the state folder is detected through the user's keyring, also if that is emptied",
  async () => {
    await using harness = await RunHarness.open("--heartbeat-minutes", "720", "--grace-days", "1");
    harness.stateDir = undefined;
    assertEquals((await harness.run("/bin/true")).code, 0);
    await copy(harness, "home", "backup");
    await copy(harness, "witness", "witness-backup");
    await harness.stopServer();
    for (let start = 0; start < 3; start++) {
      assertEquals((await harness.run("/bin/true")).code, 0);
    }
    await copy(harness, "backup", "home");
    await copy(harness, "witness-backup", "witness");
    const { code, stderr } = await harness.run("/bin/true");
    assertEquals(code, 82, stderr);
    assertStringIncludes(stderr, "WARNING: state rollback detected: found save ");

    // an entry that is gone in the same boot is as suspicious
    await copy(harness, "backup", "home");
    await copy(harness, "witness-backup", "witness");
    await forgetReplicas(harness.folder.path);
    const missed = await harness.run("/bin/true");
    assertEquals(missed.code, 82, missed.stderr);
    assertStringIncludes(missed.stderr, "WARNING: state rollback detected: a replica is missing");

    // the attack, if a missing entry is no evidence, as after another boot
    await copy(harness, "backup", "home");
    await copy(harness, "witness-backup", "witness");
    await forgetReplicas(harness.folder.path);
    const refunded = await harness.run("/bin/true", {
      doubles: {
        "src/state/rollback_guard.ts": [[
          "if (keyring_period === undefined) return false;",
          "return false;",
        ]],
      },
    });
    assertEquals(refunded.code, 0, refunded.stderr);
    assertStringIncludes(refunded.stderr, "operating under grace period (86400 seconds remaining)");
  },
);

Deno.test("an unreadable state is quarantined, and the server must confirm the state that replaces it", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  assertEquals((await harness.run("/bin/true")).code, 0);
  await Deno.writeTextFile(harness.folder.at("state/state.bin"), "?");
  await harness.stopServer();
  const refused = await harness.run("/bin/true");
  assertEquals(refused.code, 82);
  assertStringIncludes(refused.stderr, "state cannot be read, set aside as ");
  assertStringIncludes(refused.stderr, "cannot activate this machine");
  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
});

Deno.test("after a suspension, disconnecting the network gives no grace until the license is reinstated", async () => {
  await using harness = await RunHarness.open();
  const decide = (action: string) =>
    harness.vendor(action, "K1", "--database", harness.folder.at("vendor.db"));
  assertEquals((await harness.run("/bin/true")).code, 0);
  await decide("suspend");
  assertEquals((await harness.run("/bin/true")).code, 81);
  await harness.stopServer();
  const refused = await harness.run("/bin/true");
  assertEquals(refused.code, 81, refused.stderr);
  assertStringIncludes(refused.stderr, "license is suspended — contact your vendor");
  await decide("reinstate");
  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
  await harness.stopServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
});
