/** The service that `sentinel service install` writes, under systemd itself. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { BOOTED_SYSTEMD } from "../support/booted_systemd.ts";
import { NO_CAPABILITIES, NOBODY } from "../support/daemon_of_nobody.ts";
import { testWith } from "../support/requirements.ts";
import { CONFIG, ServiceScene, UNIT } from "../support/service_scene.ts";

testWith(
  [BOOTED_SYSTEMD],
  "systemd starts the installed service, has it reload, and stops it with all that it left",
  async () => {
    await using scene = await ServiceScene.arrive();
    const { systemd, daemon } = scene;
    await scene.start();
    assertEquals(await systemd.show(UNIT, "ActiveState", "StatusText", "UnitFileState"), [
      ...["active", "running", "enabled"],
    ]);
    assertMatch(await scene.statusField("Uid"), new RegExp(`^${NOBODY}\t`));
    assertEquals(await scene.statusField("CapBnd"), NO_CAPABILITIES);
    assertEquals(await scene.statusField("NoNewPrivs"), "1");
    assertEquals(await scene.statusField("Seccomp"), "2");
    const status = await scene.sentinel(
      "daemon",
      "status",
      "--config",
      "/opt/rocket/sentinel.toml",
    );
    assertMatch(status.stdout, /^runs \(pid \d+\)/, status.stderr);
    await scene.configure((text) => text.replace("[logging]", `[logging]\nlevel = "debug"`));
    assertEquals((await systemd.run("systemctl", "reload", UNIT)).code, 0);
    await daemon.logged(/reloaded: logging\.level/);
    assertEquals((await systemd.run("systemctl", "disable", "--now", UNIT)).code, 0);
    assertEquals(await systemd.show(UNIT, "ActiveState", "Result"), ["inactive", "success"]);
    assertEquals((await systemd.run("ls", "/run/sentinel")).stdout, "");
    await scene.sentinel("service", "uninstall", "systemd", ...CONFIG);
    const units = await systemd.run(
      "find",
      "/etc/systemd/system",
      "-type",
      "f",
      "-o",
      "-type",
      "l",
    );
    assertEquals(units.stdout, `/etc/systemd/system/${UNIT}.d/more.conf\n`);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "under systemd a service has the limits and capabilities of its configuration",
  async () => {
    await using scene = await ServiceScene.arrive(
      `[limits]\nopen_files = 4000\ncore_bytes = 0\n` +
        `[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE"]\n`,
    );
    await scene.start();
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assertEquals([set, await scene.statusField(set)], [set, "0000000000000400"]);
    }
    const [pid] = await scene.systemd.show(UNIT, "MainPID");
    const { stdout } = await scene.systemd.run("cat", `/proc/${pid}/limits`);
    assertMatch(stdout, /^Max open files +4000 /m);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "the log of a service without a file for it is in the journal",
  async () => {
    await using scene = await ServiceScene.arrive();
    await scene.configure((text) => text.replace(/\[logging\]\nfile = .*\n/, ""));
    await scene.start();
    await scene.systemd.run("systemctl", "stop", UNIT);
    const { stdout } = await scene.systemd.run("journalctl", "--output=cat", "--unit", UNIT);
    assertEquals(stdout.match(/state: .*/g), [
      "state: stopped -> starting",
      "state: starting -> running",
      "state: running -> stopping",
      "state: stopping -> stopped",
    ]);
  },
);

testWith([BOOTED_SYSTEMD], "systemd starts a service anew that was killed, as one", async () => {
  await using scene = await ServiceScene.arrive();
  await scene.start();
  await scene.signal("KILL");
  await scene.restarted(2);
  assertEquals(await scene.systemd.show(UNIT, "NRestarts"), ["1"]);
});

testWith(
  [BOOTED_SYSTEMD],
  "systemd hears from a service in time, and starts one anew that stands still",
  async () => {
    await using scene = await ServiceScene.arrive();
    await scene.start("WatchdogSec=4\nTimeoutAbortSec=1");
    const heard = () => scene.systemd.show(UNIT, "WatchdogTimestampMonotonic");
    const [first] = await heard();
    while ((await heard())[0] === first) continue;
    await scene.signal("STOP");
    await scene.restarted(2);
    assertEquals(await scene.systemd.show(UNIT, "NRestarts"), ["1"]);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "a service whose configuration names no folder for its state has one",
  async () => {
    await using scene = await ServiceScene.arrive();
    await scene.configure((text) => text.replace('state_dir = "state"\n', ""));
    await scene.start();
    const { stdout } = await scene.systemd.run(
      "find",
      "/var/lib/sentinel/software",
      "-name",
      "*.bin",
    );
    const [machine] = /[^/]+\.sock$/m.exec(
      (await scene.systemd.run("find", "/run/sentinel")).stdout,
    )!;
    assertEquals(stdout.trim().split("\n").sort(), [
      "/var/lib/sentinel/software/data/sentinel-drm/keystore.bin",
      "/var/lib/sentinel/software/data/sentinel-drm/state.bin",
      `/var/lib/sentinel/software/sentinel-drm/${
        machine.slice("sentinel-".length, -".sock".length)
      }.bin`,
    ]);
  },
);

testWith([BOOTED_SYSTEMD], "systemd tries again until the licence server is there", async () => {
  await using scene = await ServiceScene.arrive();
  await scene.daemon.customer.stopServer();
  await scene.install();
  await scene.addToService("RestartSec=0");
  await scene.systemd.run("systemctl", "start", UNIT);
  // one more than systemd allows within ten seconds, where nothing else is said
  for (let restarts = 0; restarts < 6;) {
    const [count, state, why] = await scene.systemd.show(
      UNIT,
      "NRestarts",
      "ActiveState",
      "Result",
    );
    assert(state !== "failed", why);
    restarts = Number(count);
  }
  await scene.daemon.customer.startServer();
  while ((await scene.systemd.show(UNIT, "ActiveState"))[0] !== "active") continue;
});

testWith(
  [BOOTED_SYSTEMD],
  "of a folder that is not there the service itself tells, once",
  async () => {
    await using scene = await ServiceScene.arrive();
    await scene.configure((text) => text.replace("d.log", "log/d.log"));
    await scene.install();
    assertEquals((await scene.systemd.run("systemctl", "start", UNIT)).code, 1);
    assertEquals(await scene.systemd.show(UNIT, "ExecMainStatus", "NRestarts"), ["2", "0"]);
  },
);

/** What is wrong, in the licence and the configuration, and the status of the start. */
const HOPELESS: [
  string,
  license: string | undefined,
  (config: string) => string,
  status: string,
][] = [
  ["a licence that is none", "{}", (text) => text, "80"],
  ["software that is not there", undefined, (text) => text.replace('"software"', '"soft"'), "84"],
  ["a user that is not there", undefined, (text) => text.replace("nobody", "somebody"), "217"],
];

for (const [what, license, change, status] of HOPELESS) {
  testWith([BOOTED_SYSTEMD], `systemd does not try again with ${what}`, async () => {
    await using scene = await ServiceScene.arrive();
    if (license !== undefined) await Deno.writeTextFile(scene.daemon.at("K1.lic"), license);
    await scene.configure(change);
    const next = await scene.install();
    const [unit] = /\S+\.service/.exec(next)!;
    assertEquals((await scene.systemd.run("systemctl", "start", unit)).code, 1);
    assertEquals(
      await scene.systemd.show(unit, "ActiveState", "Result", "ExecMainStatus", "NRestarts"),
      ["failed", "exit-code", status, "0"],
    );
  });
}
