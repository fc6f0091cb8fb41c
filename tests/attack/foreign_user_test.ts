// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has another account on the machine, and a folder and a socket that an administrator opened to everybody. He
 * asks for the license, and to stop the software. Whoever connects is asked of the kernel before a byte is read of him.
 */
import { assert, assertEquals } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { OTHER_USERS, runAs } from "../support/other_user.ts";
import { testWith } from "../support/requirements.ts";

const KNOCK = new URL("../fixtures/knock.ts", import.meta.url);
const TIMES = 20;

/** How often another user gets an answer from a run whose socket is open to all, and how often none. */
async function knock(doubles?: Doubles): Promise<{ answers: number; refused: number }> {
  await using harness = await AttackHarness.open();
  const path = harness.at("open/s.sock");
  await Deno.mkdir(harness.at("open"));
  for (const folder of ["open", "."]) await Deno.chmod(harness.at(folder), 0o1777);
  await harness.script("software", "echo up; exec sleep 1000");
  await using run = harness.start({ config: `[ipc]\npath = "${path}"\n`, doubles });
  await run.stdout.match(/up/);
  await Deno.chmod(path, 0o666);
  const { mine, foreign, refused, closed } = await runAs(1001, {
    script: KNOCK,
    args: [path, String(TIMES), "1"],
    folder: harness.folder.path,
  }) as Record<string, number>;
  assertEquals(mine! + foreign! + refused! + closed!, TIMES);
  return { answers: mine! + foreign!, refused: refused! };
}

testWith(
  [OTHER_USERS],
  "another user gets no answer, although the socket is open to all",
  async () => {
    const { answers, refused } = await knock();
    assertEquals(answers, 0);
    assert(refused > 0);
  },
);

testWith(
  [OTHER_USERS],
  "without peer credentials, another user is answered: the attack",
  async () => {
    const { answers, refused } = await knock({ "src/platform/linux/peers.ts": "any_peer.ts" });
    assertEquals(refused, 0);
    assert(answers > 0);
  },
);
