// Not on Windows: the software is a shell script.
/** What a service of systemd finds, and lacks, when it is started; under systemd itself. */
import { assertEquals, assertMatch } from "@std/assert";
import { BOOTED_SYSTEMD } from "../support/booted_systemd.ts";
import { testWith } from "../support/requirements.ts";
import { ServiceHarness, UNIT } from "../support/service_harness.ts";

testWith(
  [BOOTED_SYSTEMD],
  "the command printed after the installation creates missing folders",
  async () => {
    await using harness = await ServiceHarness.open();
    await harness.configure((text) => text.replace("d.log", "the log/d.log"));
    const next = await harness.install();
    assertEquals(
      next,
      "install -d -m 700 -o nobody /opt/rocket/state '/opt/rocket/the log' && " +
        `systemctl daemon-reload && systemctl enable --now ${UNIT}`,
    );
    assertEquals((await harness.systemd.run("sh", "-c", next)).code, 0);
    assertEquals((await harness.systemd.run("systemctl", "stop", UNIT)).code, 0);
    const log = await Deno.readTextFile(harness.daemon.at("the log/d.log"));
    assertMatch(log, /starting -> running/);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "the log of a service without a file for it is in the journal",
  async () => {
    await using harness = await ServiceHarness.open();
    await harness.configure((text) => text.replace(/\[logging\]\nfile = .*\n/, ""));
    await harness.start();
    await harness.systemd.run("systemctl", "stop", UNIT);
    const { stdout } = await harness.systemd.run("journalctl", "--output=cat", "--unit", UNIT);
    assertEquals(stdout.match(/state: .*/g), [
      "state: stopped -> starting",
      "state: starting -> running",
      "state: running -> stopping",
      "state: stopping -> stopped",
    ]);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "a service without a configured state folder has a default one",
  async () => {
    await using harness = await ServiceHarness.open();
    await harness.configure((text) => text.replace('state_dir = "state"\n', ""));
    await harness.start();
    const { stdout } = await harness.systemd.run(
      "find",
      "/var/lib/sentinel/software",
      "-name",
      "*.bin",
    );
    const [machine] = /[^/]+\.sock$/m.exec(
      (await harness.systemd.run("find", "/run/sentinel")).stdout,
    )!;
    const [scope] = /[^/]+-[0-9a-f]{8}\/[0-9a-f]{16}(?=\/state\.bin$)/m.exec(stdout)!;
    assertEquals(stdout.trim().split("\n").sort(), [
      `/var/lib/sentinel/software/data/sentinel-drm/${scope}/keystore.bin`,
      `/var/lib/sentinel/software/data/sentinel-drm/${scope}/state.bin`,
      `/var/lib/sentinel/software/sentinel-drm/${scope}/${
        machine.slice("sentinel-".length, -".sock".length)
      }.bin`,
    ]);
  },
);

testWith([BOOTED_SYSTEMD], "systemd restarts a service however often it fails", async () => {
  await using harness = await ServiceHarness.open();
  await harness.start("RestartSec=0");
  // one more than systemd allows within ten seconds by default
  for (let starts = 2; starts <= 7; starts++) {
    await harness.signal("KILL");
    await harness.restarted(starts);
  }
  assertEquals(await harness.systemd.show(UNIT, "NRestarts"), ["6"]);
});

testWith(
  [BOOTED_SYSTEMD],
  "a refused service is failed, then waits, and a restart by hand asks at once",
  async () => {
    await using harness = await ServiceHarness.open();
    const { systemd, daemon } = harness;
    const database = ["--database", daemon.at("vendor.db")];
    await daemon.base.vendor("suspend", "K1", ...database);
    await harness.install();
    assertEquals((await systemd.run("systemctl", "start", UNIT)).code, 1);
    let shown: string[] = [];
    while (!shown[1]?.includes("asked again")) {
      shown = await systemd.show(UNIT, "ActiveState", "StatusText", "NRestarts");
    }
    assertMatch(
      shown.join("\n"),
      /^activating\nactivation refused: License is suspended: the license server is asked again at .*Z\n1$/,
    );
    await daemon.base.vendor("reinstate", "K1", ...database);
    assertEquals((await systemd.run("systemctl", "restart", UNIT)).code, 0);
    assertEquals(await systemd.show(UNIT, "ActiveState", "StatusText"), ["active", "running"]);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "the service itself reports a missing folder, once",
  async () => {
    await using harness = await ServiceHarness.open();
    await harness.configure((text) => text.replace("d.log", "log/d.log"));
    await harness.install();
    assertEquals((await harness.systemd.run("systemctl", "start", UNIT)).code, 1);
    assertEquals(await harness.systemd.show(UNIT, "ExecMainStatus", "NRestarts"), ["2", "0"]);
  },
);

/** What is wrong, in the license and the configuration, and the status of the start. */
const HOPELESS: [
  string,
  license: string | undefined,
  (config: string) => string,
  status: string,
][] = [
  ["a license that is none", "{}", (text) => text, "80"],
  ["software that is not there", undefined, (text) => text.replace('"software"', '"soft"'), "84"],
  ["a user that is not there", undefined, (text) => text.replace("nobody", "somebody"), "217"],
];

for (const [what, license, change, status] of HOPELESS) {
  testWith([BOOTED_SYSTEMD], `systemd does not restart with ${what}`, async () => {
    await using harness = await ServiceHarness.open();
    if (license !== undefined) await Deno.writeTextFile(harness.daemon.at("K1.lic"), license);
    await harness.configure(change);
    const next = await harness.install();
    const [unit] = /\S+\.service/.exec(next)!;
    assertEquals((await harness.systemd.run("systemctl", "start", unit)).code, 1);
    assertEquals(
      await harness.systemd.show(unit, "ActiveState", "Result", "ExecMainStatus", "NRestarts"),
      ["failed", "exit-code", status, "0"],
    );
  });
}
