// Not on Windows: namespaces are Linux's.
/**
 * The attacker becomes root of a user namespace, which needs no rights, and covers what tells this machine from another: a
 * license that is bound to another machine's hardware would run, and another machine's state be read. There, only what the
 * kernel itself shows belongs to a fingerprint, and a covered machine id is a finding. A time namespace sets the clock since
 * boot back; the wall clock then has the bill.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type Hardware, hashComponent } from "../../src/license/fingerprint.ts";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { MachineClock } from "../support/machine_clock.ts";
import { hardwareBoundPayload } from "../support/organization.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { inUserNamespace, USER_NAMESPACES } from "../support/user_namespace.ts";

const OTHER_ID = "0123456789abcdef0123456789abcdef";
const STOP = '[security]\nanti_tamper = "stop"\n';

/** Runs a license of another machine, with that machine's id in place of this one's. */
async function runOtherMachines(doubles?: Doubles) {
  await using harness = await AttackHarness.open();
  const machine_id = { kind: "readable", value: OTHER_ID, place: "" };
  const hash = await hashComponent({ machine_id } as unknown as Hardware, "machine_id");
  const payload = hardwareBoundPayload({ hardware_fingerprint: `v2:1:machine_id=${hash}` });
  await Deno.writeTextFile(harness.at("a.lic"), await harness.organization.license(payload));
  await Deno.writeTextFile(harness.at("id"), `${OTHER_ID}\n`);
  const { code, stdout, stderr } = await harness.run({
    wrapper: inUserNamespace(harness.at("id")),
    doubles,
  });
  return { outcome: { code, stdout }, stderr };
}

testWith([USER_NAMESPACES], "a license of another machine does not run there", async () => {
  const { outcome, stderr } = await runOtherMachines();
  assertEquals(outcome, { code: 83, stdout: "" }, stderr);
  assertStringIncludes(stderr, "/etc/machine-id: the user namespace can show another file");
});

testWith([USER_NAMESPACES], "if any file is believed, it runs: the attack", async () => {
  const { outcome, stderr } = await runOtherMachines({
    "src/platform/linux/hardware.ts": [[
      "const why = explainDistrust(path);",
      "const why = undefined;",
    ]],
  });
  assertEquals(outcome, { code: 0, stdout: "up\n" }, stderr);
});

/** Runs with the license server's permission; the machine id is covered by a file with the same content. */
async function runCovered(doubles?: Doubles) {
  await using harness = await AttackHarness.open();
  await harness.script("software", doubles ? "echo up" : "echo up; exec sleep 1000");
  await Deno.copyFile("/etc/machine-id", harness.at("id"));
  const wrapper = inUserNamespace(harness.at("id"));
  return await harness.run({ config: STOP, wrapper, doubles });
}

testWith([USER_NAMESPACES], "a covered machine id is a finding", async () => {
  const { code, stderr } = await runCovered();
  assertEquals(code, 137, stderr);
  const found = "this machine's identity is covered in a user namespace";
  assertStringIncludes(stderr, `WARNING: ${found}: /etc/machine-id `);
  assert(stderr.endsWith(`sentinel: error: ${found}\n`), stderr);
});

testWith([USER_NAMESPACES], "without the check, nothing is seen: the attack", async () => {
  const { code, stderr } = await runCovered({
    "src/platform/linux/tamper_check.ts": [["...findNamespace(),", ""]],
  });
  assertEquals(code, 0, stderr);
});

testWith([USER_NAMESPACES], "a user namespace alone is in the log, and stops nothing", async () => {
  await using harness = await AttackHarness.open();
  const { code, stdout, stderr } = await harness.run({ config: STOP, wrapper: inUserNamespace() });
  assertEquals([code, stdout], [0, "up\n"], stderr);
  assertStringIncludes(stderr, "WARNING: sentinel runs in a user namespace: its uid_map is 0 ");
});

/** A run that is killed without the server, and a start at which the clock since boot shows the same time; its cost. */
async function setBootClockBack(doubles?: Doubles): Promise<number> {
  await using harness = await AttackHarness.open();
  const clock = new MachineClock(harness.at("clock"));
  const options = clock.with(doubles);
  assertEquals((await harness.run(options)).code, 0);
  await harness.stopServer();
  await harness.script("software", "echo up; exec sleep 1000 >&- 2>&-");
  {
    await using run = harness.start(options);
    await run.stdout.match(/up/);
    run.kill("SIGKILL");
    await run.end();
  }
  clock.setWrong(50_000);
  await harness.script("software", "exit 0");
  const { stderr } = await harness.run(options);
  const [, seconds] = /earlier runs without the server used (\d+) seconds/.exec(stderr) ?? [];
  return Number(seconds ?? 0);
}

testWith([POSIX], "a killed run costs what the wall clock shows, if that is more", async () => {
  const seconds = await setBootClockBack();
  assert(seconds >= 50 && seconds <= 60, `${seconds} seconds`);
});

testWith(
  [POSIX],
  "by the clock since boot alone, it costs nearly nothing: the attack",
  async () => {
    const seconds = await setBootClockBack({
      "src/enforcement/trusted_time.ts": [[
        "Math.max(0, Math.min(wallPassedMs, LONGEST_UNSEEN_MS))",
        "0",
      ]],
    });
    assert(seconds < 50, `${seconds} seconds`);
  },
);
