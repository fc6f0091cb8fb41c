// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has another account on the machine. He serves licenses of his own where Sentinel's socket is looked for, puts
 * his files where it would be, or waits in a folder in which he could put it aside. The server's owner is asked of the kernel
 * before anything is sent, and no socket is made in a place that others could change.
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { OTHER_USERS, startAs } from "../support/other_user.ts";
import { LineReader } from "../support/program.ts";
import { NEEDS_ROOT, testWith } from "../support/requirements.ts";

const SERVE_LIES = new URL("../fixtures/serve_lies.ts", import.meta.url);
const LIE = '{"status":"ok","features":{"everything":true}}';

testWith([OTHER_USERS], "another user's server gets no request", async () => {
  await using harness = await AttackHarness.open();
  await Deno.chmod(harness.folder.path, 0o1777);
  const path = harness.at("evil.sock");
  await using liar = await startAs(1001, {
    script: SERVE_LIES,
    args: [path, LIE],
    folder: harness.folder.path,
  });
  const stdout = new LineReader(liar.stdout);
  await stdout.match(/null/);
  const ask = ["ipc", "get_features", "--json", "--socket", path];
  const answer = await harness.sentinel(ask);
  assertEquals([answer.code, answer.stdout], [86, ""], answer.stderr);
  const doubles = { "src/platform/linux/peers.ts": "any_peer.ts" };
  assertEquals((await harness.sentinel(ask, { doubles })).stdout, LIE + "\n", "the attack");
  liar.kill();
  await stdout.ended;
});

for (const name of ["s.sock", "s.sock.lock"]) {
  testWith(
    [NEEDS_ROOT],
    `another user's ${name} in a shared folder keeps the software from starting`,
    async () => {
      await using harness = await AttackHarness.open();
      await Deno.mkdir(harness.at("shared"));
      await Deno.chmod(harness.at("shared"), 0o1777);
      await Deno.writeTextFile(harness.at(`shared/${name}`), "");
      await Deno.chown(harness.at(`shared/${name}`), 1001, 1001);
      const config = `[ipc]\npath = "${harness.at("shared/s.sock")}"\n`;
      const { code, stdout, stderr } = await harness.run({ config });
      assertEquals([code, stdout], [86, ""]);
      assertStringIncludes(stderr, "it belongs to user 1001\n");
      const doubles = { "src/ipc/socket_owner.ts": "careless_socket_owner.ts" };
      assertEquals((await harness.run({ config, doubles })).stdout, "up\n", "the attack");
    },
  );
}

testWith(
  [NEEDS_ROOT],
  "no socket is created where other users could replace it",
  async () => {
    await using harness = await AttackHarness.open();
    await Deno.mkdir(harness.at("open"));
    await Deno.chmod(harness.at("open"), 0o777);
    const config = `[ipc]\npath = "${harness.at("open/s.sock")}"\n`;
    const { code, stdout, stderr } = await harness.run({ config });
    assertEquals([code, stdout], [86, ""]);
    assertStringIncludes(stderr, "it is open to others: current mode is 777");
    const doubles = { "src/ipc/socket_owner.ts": "careless_socket_owner.ts" };
    assertEquals((await harness.run({ config, doubles })).stdout, "up\n", "the attack");
  },
);

for (const suffix of ["", ".lock"]) {
  testWith(
    [NEEDS_ROOT],
    `another user's file at the socket's name${suffix} in /tmp does not keep the software from starting`,
    async () => {
      await using harness = await AttackHarness.open();
      await harness.script("software", "echo $SENTINEL_IPC_SOCKET");
      const config = '[ipc]\nlocation = "tmp"\n';
      // a short one, as a socket's path is limited
      const env = { XDG_STATE_HOME: harness.at("w") };
      const free = (await harness.run({ config, env })).stdout.trim();
      assertMatch(free, /^\/tmp\/sentinel-[0-9a-f-]{36}\.sock$/);
      const occupied = free + suffix;
      await Deno.writeTextFile(occupied, "");
      await Deno.chown(occupied, 1001, 1001);
      try {
        const refuge = harness.at(`w/sentinel-drm/run/${free.slice("/tmp/".length)}`);
        const { code, stdout, stderr } = await harness.run({ config, env });
        assertEquals([code, stdout], [0, `${refuge}\n`], stderr);
        assertStringIncludes(stderr, `WARNING: the socket is ${refuge}: `);
        const doubles: Doubles = {
          "src/ipc/claim_place.ts": [["if (!isOthersFault(error)) throw error;", "throw error;"]],
        };
        assertEquals((await harness.run({ config, env, doubles })).code, 86, "the attack");
      } finally {
        await Deno.remove(occupied);
      }
    },
  );
}
