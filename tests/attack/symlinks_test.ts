// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker may write into a folder that Sentinel writes into, but not into another of the user's files. He puts links to
 * that file where Sentinel will write. New files are made, never written through a link; what must be there is opened
 * without following one; where neither will do, Sentinel says whose link it is and ends.
 */
import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { LogFile, LogFileError } from "../../src/daemon/log_file.ts";
import { AttackScene } from "../support/attack_scene.ts";
import type { Doubles } from "../support/doubles.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

const FOLLOW_FILES: Doubles = { "src/core/files.ts": "link_following_files.ts" };
const FOLLOW_LOCKS: Doubles = { "src/core/file_lock.ts": "link_following_lock.ts" };
const OVERWRITE: Doubles = { "src/core/files.ts": "link_following_new_files.ts" };

/** A scene with a file that is to stay as it is, after a first run. */
async function openScene(): Promise<AttackScene> {
  const scene = await AttackScene.open();
  assertEquals((await scene.run()).code, 0);
  await Deno.writeTextFile(scene.at("precious"), "kept");
  return scene;
}

function linkTo(scene: AttackScene, path: string): void {
  Deno.symlinkSync(scene.at("precious"), scene.at(path));
}

function precious(scene: AttackScene): string {
  return new TextDecoder().decode(Deno.readFileSync(scene.at("precious")));
}

/** Whatever is written there, by the next run. */
async function placesOfState(scene: AttackScene): Promise<string[]> {
  const places = ["state/state.bin", "state/keystore.witness"];
  for await (const { name } of Deno.readDir(scene.at("witness/sentinel-drm"))) {
    places.push(`witness/sentinel-drm/${name}`);
  }
  return places;
}

testWith([POSIX], "links in place of states and replicas are not followed", async () => {
  await using scene = await openScene();
  for (const place of await placesOfState(scene)) linkTo(scene, `${place}.tmp`);
  assertEquals((await scene.run()).code, 0);
  assertEquals(precious(scene), "kept");
  linkTo(scene, "state/state.bin.tmp");
  assertEquals((await scene.run({ doubles: FOLLOW_FILES })).code, 0);
  assertEquals(precious(scene).startsWith("SNTL"), true, "the attack");
});

testWith(
  [POSIX],
  "states that are links themselves are replaced, not written through",
  async () => {
    await using scene = await openScene();
    for (const place of await placesOfState(scene)) {
      Deno.removeSync(scene.at(place));
      linkTo(scene, place);
    }
    assertEquals((await scene.run()).code, 0);
    assertEquals(precious(scene), "kept");
  },
);

testWith([POSIX], "a link in the place of the state's lock is refused", async () => {
  await using scene = await openScene();
  Deno.removeSync(scene.at("state/lock"));
  linkTo(scene, "state/lock");
  const { code, stderr } = await scene.run();
  assertEquals(code, 2, stderr);
  assertStringIncludes(stderr, `${scene.at("state/lock")}: it is not a file`);
  assertEquals(precious(scene), "kept");
  assertEquals((await scene.run({ doubles: FOLLOW_LOCKS })).code, 0);
  assertEquals(/^\d+\n$/.test(precious(scene)), true, "the attack");
});

testWith([POSIX], "links in the places of a socket and its lock are refused", async () => {
  for (const place of ["s.sock", "s.sock.lock"]) {
    await using scene = await openScene();
    linkTo(scene, `runtime/${place}`);
    const config = `[ipc]\npath = "${scene.at("runtime/s.sock")}"\n`;
    const { code, stdout, stderr } = await scene.run({ config });
    assertEquals([code, stdout], [86, ""], stderr);
    assertEquals(precious(scene), "kept");
  }
});

testWith([POSIX], "keys are not written where a link is", async () => {
  await using scene = await openScene();
  await Deno.mkdir(scene.at("keys"));
  linkTo(scene, "keys/org_private_key.pem");
  const command = ["vendor", "keygen", "--out", scene.at("keys")];
  const { code } = await scene.sentinel(command);
  assertEquals([code === 0, precious(scene)], [false, "kept"]);
  assertEquals((await scene.sentinel(command, { doubles: OVERWRITE })).code, 0);
  assertStringIncludes(precious(scene), "PRIVATE KEY", "the attack");
});

testWith([POSIX, NEEDS_ROOT], "another user's link in the place of a log is refused", async () => {
  await using scene = await openScene();
  linkTo(scene, "a.log");
  const open = () =>
    new LogFile({ path: scene.at("a.log"), rotateBytes: 1000, rotateKeep: 1, onFault: () => {} });
  await runTool("chown", "-h", "1001", scene.at("a.log"));
  assertThrows(open, LogFileError, "it is a link that belongs to user 1001");
  assertEquals(precious(scene), "kept");
  await runTool("chown", "-h", "0", scene.at("a.log"));
  {
    using log = open();
    log.write(", and written to");
  }
  assertStringIncludes(
    precious(scene),
    "and written to",
    "as the attack would, with a link of ours",
  );
});
