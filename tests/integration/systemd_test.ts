// Not on Windows: the software is a shell script.
// Compiled as well: service managers start the executable.
/** The service that `sentinel service install` writes, under systemd itself. */
import { assertEquals, assertMatch } from "@std/assert";
import { BOOTED_SYSTEMD } from "../support/booted_systemd.ts";
import { NO_CAPABILITIES, NOBODY } from "../support/daemon_of_nobody.ts";
import { testWith } from "../support/requirements.ts";
import { CONFIG, ServiceHarness, UNIT } from "../support/service_harness.ts";

testWith(
  [BOOTED_SYSTEMD],
  "systemd starts, reloads and stops the installed service with its descendants",
  async () => {
    await using harness = await ServiceHarness.open();
    const { systemd, daemon } = harness;
    await harness.start();
    assertEquals(await systemd.show(UNIT, "ActiveState", "StatusText", "UnitFileState"), [
      ...["active", "running", "enabled"],
    ]);
    assertMatch(await harness.statusField("Uid"), new RegExp(`^${NOBODY}\t`));
    assertEquals(await harness.statusField("CapBnd"), NO_CAPABILITIES);
    assertEquals(await harness.statusField("NoNewPrivs"), "1");
    assertEquals(await harness.statusField("Seccomp"), "2");
    const status = await harness.sentinel(
      "daemon",
      "status",
      "--config",
      "/opt/rocket/sentinel.toml",
    );
    assertMatch(status.stdout, /^running \(pid \d+\)/, status.stderr);
    await harness.configure((text) => text.replace("[logging]", `[logging]\nlevel = "debug"`));
    assertEquals((await systemd.run("systemctl", "reload", UNIT)).code, 0);
    await daemon.logged(/reloaded: logging\.level/);
    assertEquals((await systemd.run("systemctl", "disable", "--now", UNIT)).code, 0);
    assertEquals(await systemd.show(UNIT, "ActiveState", "Result"), ["inactive", "success"]);
    assertEquals((await systemd.run("ls", "/run/sentinel")).stdout, "");
    await harness.sentinel("service", "uninstall", "systemd", ...CONFIG);
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
    await using harness = await ServiceHarness.open(
      `[limits]\nopen_files = 4000\ncore_bytes = 0\n` +
        `[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE"]\n`,
    );
    await harness.start();
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assertEquals([set, await harness.statusField(set)], [set, "0000000000000400"]);
    }
    const [pid] = await harness.systemd.show(UNIT, "MainPID");
    const { stdout } = await harness.systemd.run("cat", `/proc/${pid}/limits`);
    assertMatch(stdout, /^Max open files +4000 /m);
  },
);

testWith([BOOTED_SYSTEMD], "systemd restarts a killed service as one", async () => {
  await using harness = await ServiceHarness.open();
  await harness.start();
  await harness.signal("KILL");
  await harness.restarted(2);
  assertEquals(await harness.systemd.show(UNIT, "NRestarts"), ["1"]);
});

testWith(
  [BOOTED_SYSTEMD],
  "a service feeds systemd's watchdog, and systemd restarts a frozen one",
  async () => {
    await using harness = await ServiceHarness.open();
    await harness.start("WatchdogSec=4\nTimeoutAbortSec=1");
    const heard = () => harness.systemd.show(UNIT, "WatchdogTimestampMonotonic");
    const [first] = await heard();
    while ((await heard())[0] === first) continue;
    await harness.signal("STOP");
    await harness.restarted(2);
    assertEquals(await harness.systemd.show(UNIT, "NRestarts"), ["1"]);
  },
);
