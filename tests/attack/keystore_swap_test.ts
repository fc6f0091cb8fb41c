// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has activated one machine. He copies its state folder, keystore and replica included, to a second one, which is
 * then the same machine to the server, or puts one machine's keystore into another's folder. The key that encrypts keystore
 * and state depends on machine and user, and each file is bound to its name: nothing can be read, and the server has the word.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { copyFolder } from "../support/copy_folder.ts";
import type { Doubles } from "../support/doubles.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const ANOTHER_MACHINE: Doubles = { "src/platform/select.ts": "another_machine.ts" };
const UNBOUND: Doubles = {
  "src/state/key_wrapping.ts": [[
    "machineId: platform.machineId, userId: platform.userId()",
    'machineId: () => Promise.resolve(""), userId: ""',
  ]],
};

/** Activates a machine, and runs with its folders on another one, where the server would activate no more; whom it asks for. */
async function takeAlong(doubles: Doubles = {}) {
  await using harness = await AttackHarness.open();
  assertEquals((await harness.run({ doubles })).code, 0);
  const { length } = harness.requests;
  const result = await harness.run({ doubles: { ...doubles, ...ANOTHER_MACHINE } });
  const [first, ...later] = [harness.requests[0]!, ...harness.requests.slice(length)];
  const isSame = later.every(({ body }) => body["machine_id"] === first.body["machine_id"]);
  return { ...result, isSame, paths: later.map(({ path }) => path.split("/").at(-2)) };
}

testWith(
  [POSIX],
  "a machine's folders on another machine are a new machine, which must activate",
  async () => {
    const { stderr, isSame, paths } = await takeAlong();
    assertEquals([isSame, paths], [false, ["activate", "heartbeat"]], stderr);
    assert(!stderr.includes("set aside"), stderr);
  },
);

testWith(
  [POSIX],
  "if the key is not bound to a machine, they are the same one: the attack",
  async () => {
    const { code, stderr, isSame, paths } = await takeAlong(UNBOUND);
    assertEquals([code, isSame, paths], [0, true, ["heartbeat"]], stderr);
  },
);

testWith([POSIX], "another machine's keystore in a state folder gives it no grace", async () => {
  await using harness = await AttackHarness.open();
  assertEquals((await harness.run()).code, 0);
  await copyFolder(harness.at("state"), harness.at("first"));
  await Deno.remove(harness.at("state"), { recursive: true });
  assertEquals((await harness.run()).code, 0);
  for (const name of ["keystore.bin", "keystore.salt"]) {
    await Deno.copyFile(harness.at(`first/${name}`), harness.at(`state/${name}`));
  }
  await harness.stopServer();
  const { code, stdout, stderr } = await harness.run();
  assertEquals([code, stdout], [82, ""]);
  assertStringIncludes(stderr, "state cannot be read, set aside as ");
});
