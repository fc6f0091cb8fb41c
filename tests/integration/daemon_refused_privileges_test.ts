// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
import { assertEquals, assertMatch } from "@std/assert";
import { openUnprivilegedDaemon } from "../support/daemon_of_nobody.ts";
import { OTHER_USERS } from "../support/other_user.ts";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { runProgram } from "../support/program.ts";
import { testWith } from "../support/requirements.ts";

/** What `[process] user` and its like may say wrong: the tables, the exit status and what is said. */
const WRONG: Readonly<Record<string, readonly [string, number, string]>> = {
  "a user that there is none of": ['user = "nosuchuser"', 2, "unknown user: nosuchuser"],
  "a group that there is none of": [
    'user = "nobody"\ngroup = "nosuchgroup"',
    2,
    "unknown group: nosuchgroup",
  ],
  "a group without a user": [
    'group = "daemon"',
    2,
    "process.group requires process.user",
  ],
  "root": ['user = "root"', 2, "user root is root: leave process.user out to run as root"],
  "a capability that is root": [
    'user = "nobody"\n[security]\nallowed_capabilities = ["CAP_SETUID"]',
    2,
    "CAP_SETUID cannot be allowed: its holder can be root again",
  ],
  "a capability that there is none of": [
    'user = "nobody"\n[security]\nallowed_capabilities = ["CAP_FLY"]',
    2,
    "unknown capability: CAP_FLY",
  ],
  "another root folder without a user": [
    '[security]\nchroot_directory = "."',
    2,
    "security.chroot_directory requires process.user, as root can leave a chroot",
  ],
};

for (const [what, [tables, status, message]] of Object.entries(WRONG)) {
  testWith([OTHER_USERS], `a daemon with ${what} does not start`, async () => {
    await using harness = await DaemonHarness.open({ tables: `[process]\n${tables}` });
    const { code, stderr } = await harness.daemon("start");
    const line = `sentinel: error: start-up failed (privileges): ${message}\n`;
    assertEquals([code, stderr], [status, line]);
    assertEquals([...Deno.readDirSync(harness.at("runtime"))], []);
  });
}

/** Not root, as `setpriv` makes it. */
const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534"];

testWith([OTHER_USERS], "only root can become another user", async () => {
  await using harness = await openUnprivilegedDaemon();
  await harness.configure({ tables: '[process]\nuser = "daemon"' });
  const { code, stderr } = await runProgram(harness.arguments(["start"]), {
    ...harness.programOptions,
    wrapper: [...AS_NOBODY, "--clear-groups"],
  });
  const message = "not permitted to become user daemon: start as root";
  assertEquals([code, stderr], [
    86,
    `sentinel: error: start-up failed (privileges): ${message}\n`,
  ]);
});

testWith(
  [OTHER_USERS],
  "a user cannot start a daemon with more privileges than configured",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    const { code, stderr } = await runProgram(harness.arguments(["start"]), {
      ...harness.programOptions,
      wrapper: [...AS_NOBODY, "--groups=65534", "--bounding-set=-all"],
    });
    assertEquals(code, 86);
    assertMatch(stderr, /privileges are not as configured: thread \d+: no_new_privs is not set/);
  },
);

testWith(
  [OTHER_USERS],
  "a daemon that starts with the configured privileges drops none",
  async () => {
    await using harness = await openUnprivilegedDaemon();
    await using daemon = harness.start({
      wrapper: [...AS_NOBODY, "--groups=65534", "--bounding-set=-all", "--no-new-privs"],
    });
    await harness.logged(/starting -> running/);
    daemon.kill("SIGTERM");
    assertEquals((await daemon.end()).code, 0);
  },
);
