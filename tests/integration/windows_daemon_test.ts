// On Windows, with the services: they take longer, and change the system.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openLibraries } from "../support/open_libraries.ts";
import { testWith, WINDOWS } from "../support/requirements.ts";
import { isThere, STAY, WindowsHarness } from "../support/windows_harness.ts";

openLibraries();

testWith(
  [WINDOWS],
  "Windows: a daemon starts, reports its status, and stops without leftovers",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    const started = await harness.daemon("start");
    assertEquals([started.code, started.stderr], [0, ""]);
    const [, pid] = /^daemon started \(pid (\d+)\)\n$/.exec(started.stdout)!;
    const [software, child] = await harness.pids();
    const status = await harness.facts("status");
    assertEquals(
      [status["state"], status["sentinel_pid"], status["pid"], status["license_status"]],
      ["running", Number(pid), Number(software), "ACTIVE"],
    );
    const stats = await harness.facts("stats");
    assertEquals([stats["state"], stats["restarts"]], ["running", 0]);
    const second = await harness.daemon("start");
    assertEquals(second.code, 85);
    assertStringIncludes(second.stderr, `another sentinel is running (pid ${pid})`);
    const stopped = await harness.daemon("stop");
    assertEquals([stopped.code, stopped.stdout], [0, `daemon stopped (pid ${pid})\n`]);
    assertEquals(await Promise.all([pid, software, child].map(isThere)), [false, false, false]);
    assertEquals((await harness.daemon("status")).code, 87);
    const left = Array.from(Deno.readDirSync(harness.at("sentinel-drm/run/sentinel")));
    assertEquals(left, []);
  },
);

testWith([WINDOWS], "Windows: a daemon reads its configuration again when asked", async () => {
  await using harness = await WindowsHarness.open(STAY);
  assertEquals((await harness.daemon("start")).code, 0);
  await harness.configure('level = "debug"\n[limits]\nopen_files = 100');
  assertEquals(await harness.facts("reload"), {
    applied: ["logging.level"],
    requires_restart: ["limits.open_files"],
  });
  await harness.configure('level = "loud"');
  const { code, stderr } = await harness.daemon("reload");
  assertEquals(code, 2, stderr);
  assertMatch(stderr, /logging\.level/);
});

testWith([WINDOWS], "Windows: the daemon restarts software that ends", async () => {
  await using harness = await WindowsHarness.open(STAY);
  assertEquals((await harness.daemon("start")).code, 0);
  const [first] = await harness.pids();
  Deno.kill(Number(first), "SIGKILL");
  const [second] = await harness.pids(2);
  assert(first !== second);
  assertEquals((await harness.facts("stats"))["restarts"], 1);
});

/** Tables, and what is said of them. */
const IMPOSSIBLE: Readonly<Record<string, readonly [string, string]>> = {
  "another user": ['[process]\nuser = "guest"', "process.user is not supported on this system"],
  "a root folder of its own": [
    '[security]\nchroot_directory = "C:/jail"',
    "security.chroot_directory is not supported on this system",
  ],
  "limits": [
    "[limits]\nopen_files = 100",
    "limits are refused by the system: limits.open_files = 100",
  ],
};

for (const [what, [tables, named]] of Object.entries(IMPOSSIBLE)) {
  testWith([WINDOWS], `Windows: a daemon with ${what} does not start`, async () => {
    await using harness = await WindowsHarness.open(STAY);
    await harness.configure(tables);
    const { code, stderr } = await harness.daemon("start");
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, named);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  });
}
