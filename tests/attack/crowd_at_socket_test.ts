// Not on Windows: the software is a shell script, and a shell lowers the limit of descriptors.
/**
 * The attacker is a process of the same user, and opens connections to the local socket until Sentinel has no descriptors
 * left: it can then reach no server, save no state and see no file. Half of the descriptors remain, whatever
 * `ipc.max_connections` says.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { ConnectionFlood, withDescriptors } from "../support/connection_flood.ts";
import type { Doubles } from "../support/doubles.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { ask } from "../support/socket_peer.ts";

const DESCRIPTORS = 100, FLOOD = 200;

/** What the run logs of a flood, and what its socket answers after it. */
async function attack(doubles?: Doubles) {
  await using harness = await AttackHarness.open();
  await harness.script("software", "echo up; exec sleep 1000");
  const path = harness.at("runtime/s.sock");
  const config = `[ipc]\npath = "${path}"\nmax_connections = 1000\n`;
  await using run = harness.start({ config, doubles, wrapper: withDescriptors(DESCRIPTORS) });
  await run.stdout.match(/up/);
  {
    using flood = await ConnectionFlood.open(
      () => Deno.connect({ transport: "unix", path }),
      FLOOD,
    );
    void flood;
  }
  // the places of the flood become free one after the other
  let answer: string | undefined;
  while (answer === undefined) {
    answer = await ask(path, '{"method":"health"}').catch(() => undefined);
  }
  run.kill("SIGTERM");
  const { stderr } = await run.end();
  return { answer, lines: stderr.split("\n").filter((line) => /connection/.test(line)) };
}

testWith([POSIX], "a crowd at its socket leaves Sentinel descriptors, and one line", async () => {
  const { answer, lines: [line, ...others] } = await attack();
  assertEquals(answer, '{"status":"ok"}');
  assertMatch(line!, /WARNING: \d+ ipc connections of user \d+ refused in the last minute$/);
  assertEquals(others, []);
});

testWith([POSIX], "without that bound it takes all descriptors: the attack", async () => {
  const { lines: [line] } = await attack({
    "src/ipc/server.ts": [[
      "Math.floor(countSpareDescriptors(2 * maxConnections) / 2)",
      "maxConnections",
    ]],
  });
  assertMatch(line!, /WARNING: ipc cannot accept a connection: Too many open files/);
});
