// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker keeps a copy of a service's state folder, and puts it back while the service is stopped: its user has no
 * home directory for a replica, and its keyring is empty after a boot. The unit gives it a directory for one.
 */
import { assertEquals } from "@std/assert";
import { BOOTED_SYSTEMD } from "../support/booted_systemd.ts";
import { testWith } from "../support/requirements.ts";
import { ServiceHarness, UNIT } from "../support/service_harness.ts";

/** A keyring that cannot be used is as good as an empty one. */
const NO_KEYRING = "SystemCallFilter=~@keyring";

/** The state folder of a service whose configuration names none. */
const STATE = "/var/lib/sentinel/software/data";

/** Tells whether a service detects that its state folder was restored. */
async function notices(service: string): Promise<boolean> {
  await using harness = await ServiceHarness.open();
  const { systemd, daemon } = harness;
  await harness.configure((text) => text.replace('state_dir = "state"\n', ""));
  await harness.start(`${NO_KEYRING}\n${service}`);
  await systemd.run("systemctl", "stop", UNIT);
  await systemd.run("cp", "-a", STATE, "/opt/backup");
  for (let i = 0; i < 2; i++) {
    await systemd.run("systemctl", "start", UNIT);
    await systemd.run("systemctl", "stop", UNIT);
  }
  await systemd.run("sh", "-c", `rm -r ${STATE} && mv /opt/backup ${STATE}`);
  assertEquals((await systemd.run("systemctl", "start", UNIT)).code, 0);
  await systemd.run("systemctl", "stop", UNIT);
  return (await daemon.log()).includes("state rollback detected: found save ");
}

testWith(
  [BOOTED_SYSTEMD],
  "a restore of the state folder of a stopped service is detected",
  async () => {
    assertEquals(await notices(""), true);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "without a directory for the replica, it is not: the attack",
  async () => assertEquals(await notices("Environment=XDG_STATE_HOME=/nonexistent"), false),
);
