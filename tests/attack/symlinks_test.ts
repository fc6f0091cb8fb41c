// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker may write into a folder that Sentinel writes into, but not into another of the user's files. He puts links to
 * that file where Sentinel will write. New files are made, never written through a link; what must be there is opened
 * without following one; where neither will do, Sentinel says whose link it is and ends.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LogFile, LogFileError } from "../../src/daemon/log_file.ts";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { filesBelow } from "../support/files_below.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

const FOLLOW_FILES: Doubles = {
  "src/core/files.ts": [
    [
      "const options = { write: true, createNew: true, mode };",
      "const options = { write: true, create: true, truncate: true, mode };",
    ],
    ["const options = { createNew: true, mode };", "const options = { mode };"],
  ],
};
const FOLLOW_LOCKS: Doubles = { "src/core/file_lock.ts": "link_following_lock.ts" };
const OVERWRITE: Doubles = { "src/core/files.ts": "link_following_new_files.ts" };

/** Opens a harness after a first run, with a file that must not change. */
async function openHarness(): Promise<AttackHarness> {
  const harness = await AttackHarness.open();
  harness.isAtHome = true;
  assertEquals((await harness.run()).code, 0);
  await Deno.writeTextFile(harness.at("precious"), "kept");
  return harness;
}

function linkTo(harness: AttackHarness, path: string): void {
  Deno.symlinkSync(harness.at("precious"), harness.at(path));
}

function precious(harness: AttackHarness): string {
  return new TextDecoder().decode(Deno.readFileSync(harness.at("precious")));
}

/** Whatever is written there, by the next run. */
async function placesOfState(harness: AttackHarness): Promise<string[]> {
  const inside = (await filesBelow(harness.at("home"))).map((name) => `home/${name}`);
  const outside = (await filesBelow(harness.at("witness"))).map((name) => `witness/${name}`);
  return [...inside, ...outside].filter((path) => /\/(?:[^/]+\.bin|keystore\.witness)$/.test(path))
    .filter((path) => !path.endsWith("keystore.bin"));
}

testWith([POSIX], "links in place of states and replicas are not followed", async () => {
  await using harness = await openHarness();
  for (const place of await placesOfState(harness)) linkTo(harness, `${place}.tmp`);
  assertEquals((await harness.run()).code, 0);
  assertEquals(precious(harness), "kept");
  linkTo(
    harness,
    (await placesOfState(harness)).find((path) => path.endsWith("/state.bin"))! + ".tmp",
  );
  assertEquals((await harness.run({ doubles: FOLLOW_FILES })).code, 0);
  assertEquals(precious(harness).startsWith("SNTL"), true, "the attack");
});

testWith(
  [POSIX],
  "states that are links themselves are replaced, not written through",
  async () => {
    await using harness = await openHarness();
    for (const place of await placesOfState(harness)) {
      Deno.removeSync(harness.at(place));
      linkTo(harness, place);
    }
    assertEquals((await harness.run()).code, 0);
    assertEquals(precious(harness), "kept");
  },
);

testWith([POSIX], "a link at the path of the state's lock is refused", async () => {
  await using harness = await openHarness();
  const lock = `home/${
    (await filesBelow(harness.at("home"))).find((path) => path.endsWith("/lock"))
  }`;
  Deno.removeSync(harness.at(lock));
  linkTo(harness, lock);
  const { code, stderr } = await harness.run();
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, `${harness.at(lock)}: it is not a file`);
  assertEquals(precious(harness), "kept");
  assertEquals((await harness.run({ doubles: FOLLOW_LOCKS })).code, 0);
  assertEquals(/^\d+\n$/.test(precious(harness)), true, "the attack");
});

testWith([POSIX], "links at the paths of a socket and its lock are refused", async () => {
  for (const place of ["s.sock", "s.sock.lock"]) {
    await using harness = await openHarness();
    linkTo(harness, `runtime/${place}`);
    const config = `[ipc]\npath = "${harness.at("runtime/s.sock")}"\n`;
    const { code, stdout, stderr } = await harness.run({ config });
    assertEquals([code, stdout], [86, ""], stderr);
    assertEquals(precious(harness), "kept");
  }
});

testWith([POSIX], "keys are not written through a link", async () => {
  await using harness = await openHarness();
  await Deno.mkdir(harness.at("keys"));
  linkTo(harness, "keys/org_private_key.pem");
  const command = ["vendor", "keygen", "--out", harness.at("keys")];
  const { code } = await harness.sentinel(command);
  assertEquals([code === 0, precious(harness)], [false, "kept"]);
  assertEquals((await harness.sentinel(command, { doubles: OVERWRITE })).code, 0);
  assertStringIncludes(precious(harness), "PRIVATE KEY", "the attack");
});

testWith([POSIX, NEEDS_ROOT], "another user's link at the path of a log is refused", async () => {
  await using harness = await openHarness();
  linkTo(harness, "a.log");
  const open = () =>
    new LogFile({ path: harness.at("a.log"), rotateBytes: 1000, rotateKeep: 1, onFault: () => {} });
  await runTool("chown", "-h", "1001", harness.at("a.log"));
  assertThrows(open, LogFileError, "it is a link that belongs to user 1001");
  assertEquals(precious(harness), "kept");
  await runTool("chown", "-h", "0", harness.at("a.log"));
  {
    using log = open();
    log.write(", and written to");
  }
  assertStringIncludes(
    precious(harness),
    "and written to",
    "as the attack would, with a link of ours",
  );
});
