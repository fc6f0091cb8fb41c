// On Windows, with the services: they take longer, and change the system.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openLibraries } from "../support/open_libraries.ts";
import { testWith, WINDOWS } from "../support/requirements.ts";
import { isThere, STAY, WindowsScene } from "../support/windows_scene.ts";

openLibraries();

testWith(
  [WINDOWS],
  "Windows: a daemon is started, tells how it is, and is stopped with nothing left",
  async () => {
    await using scene = await WindowsScene.arrive(STAY);
    const started = await scene.daemon("start");
    assertEquals([started.code, started.stderr], [0, ""]);
    const [, pid] = /^daemon started \(pid (\d+)\)\n$/.exec(started.stdout)!;
    const [software, child] = await scene.pids();
    const status = await scene.facts("status");
    assertEquals(
      [status["state"], status["sentinel_pid"], status["pid"], status["license_status"]],
      ["running", Number(pid), Number(software), "ACTIVE"],
    );
    const stats = await scene.facts("stats");
    assertEquals([stats["state"], stats["restarts"]], ["running", 0]);
    const second = await scene.daemon("start");
    assertEquals(second.code, 85);
    assertStringIncludes(second.stderr, `another sentinel is running (pid ${pid})`);
    const stopped = await scene.daemon("stop");
    assertEquals([stopped.code, stopped.stdout], [0, `daemon stopped (pid ${pid})\n`]);
    assertEquals(await Promise.all([pid, software, child].map(isThere)), [false, false, false]);
    assertEquals((await scene.daemon("status")).code, 87);
    const left = Array.from(Deno.readDirSync(scene.at("sentinel-drm/run/sentinel")));
    assertEquals(left, []);
  },
);

testWith([WINDOWS], "Windows: a daemon reads its configuration again when asked", async () => {
  await using scene = await WindowsScene.arrive(STAY);
  assertEquals((await scene.daemon("start")).code, 0);
  await scene.configure('level = "debug"\n[limits]\nopen_files = 100');
  assertEquals(await scene.facts("reload"), {
    applied: ["logging.level"],
    requires_restart: ["limits.open_files"],
  });
  await scene.configure('level = "loud"');
  const { code, stderr } = await scene.daemon("reload");
  assertEquals(code, 2, stderr);
  assertMatch(stderr, /logging\.level/);
});

testWith([WINDOWS], "Windows: software that ends is started again by the daemon", async () => {
  await using scene = await WindowsScene.arrive(STAY);
  assertEquals((await scene.daemon("start")).code, 0);
  const [first] = await scene.pids();
  Deno.kill(Number(first), "SIGKILL");
  const [second] = await scene.pids(2);
  assert(first !== second);
  assertEquals((await scene.facts("stats"))["restarts"], 1);
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
  testWith([WINDOWS], `Windows: a daemon that is to have ${what} does not start`, async () => {
    await using scene = await WindowsScene.arrive(STAY);
    await scene.configure(tables);
    const { code, stderr } = await scene.daemon("start");
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, named);
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
  });
}
