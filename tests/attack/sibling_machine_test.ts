// Not on Windows: the machines are recorded ones of Linux.
/**
 * The attacker has a license for one virtual machine and starts a second one from the same image: disk, processor model and
 * whatever the hypervisor makes up are the same. One of the components that tell machines apart must match, and constants of
 * hypervisors are not read.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import { type ProgramResult, runProgram } from "../support/program.ts";
import { DESKTOP, layOutMachine, type RecordedFiles } from "../support/recorded_machine.ts";
import { LINUX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const RECORDED: Doubles = { "src/platform/linux/hardware.ts": "recorded_hardware.ts" };

const THRESHOLD_ALONE: Doubles = {
  "src/license/fingerprint.ts": [[
    "if (matches >= expected.threshold && isOfMachine)",
    "if (matches >= expected.threshold)",
  ]],
};

const CONSTANTS_READ: Doubles = {
  "src/license/placeholder_serials.ts": [[
    "SHARED_UUIDS.has(bare) ||",
    "",
  ], [
    "HYPERVISORS.some((constant) => constant.test(bare))",
    "false",
  ]],
};

/** The components that differ between machines of one image; all others come from the image or the hypervisor. */
const FIRST: RecordedFiles = { "etc/machine-id": "1".repeat(31) + "a\n" };
const SECOND: RecordedFiles = { "etc/machine-id": "2".repeat(31) + "b\n" };

function without(...paths: string[]): RecordedFiles {
  const isLeft = ([path]: [string, unknown]) => !paths.some((prefix) => path.startsWith(prefix));
  return Object.fromEntries(Object.entries(DESKTOP).filter(isLeft));
}

/** No firmware table and no address that a manufacturer gave. */
const MICRO_VM = without("sys/class/dmi", "sys/class/net");

/** The firmware table and the disk of an emulator that was given no numbers. */
const EMULATOR: RecordedFiles = {
  ...MICRO_VM,
  "sys/class/dmi/id/product_uuid": "03000200-0400-0500-0006-000700080009\n",
  "sys/devices/ata1/block/sda/serial": "QM00001\n",
};

interface Attack {
  readonly licensed: RecordedFiles;
  readonly attacker: RecordedFiles;
  readonly doubles?: Doubles;
}

/** Takes a fingerprint on one machine, issues a license for it, and runs that on both. */
async function runOnBoth(
  { licensed, attacker, doubles = {} }: Attack,
): Promise<{ own: ProgramResult; other: ProgramResult }> {
  await using folder = await temporaryFolder();
  await using own = await layOutMachine(licensed);
  await using other = await layOutMachine(attacker);
  const on = (machine: string, ...args: string[]) =>
    runProgram(args, {
      doubles: { ...RECORDED, ...doubles },
      env: { MACHINE: machine, XDG_RUNTIME_DIR: folder.path },
    });
  const [fingerprint = ""] = (await on(own.path, "fingerprint")).stdout.split("\n");
  await on(own.path, "vendor", "keygen", "--out", folder.at("keys"));
  const issued = await on(
    own.path,
    ...["vendor", "issue", "--key", folder.at("keys/org_private_key.pem")],
    ...["--type", "hardware-bound", "--org", "acme", "--software-id", "rocket"],
    ...["--expires", "2999-12-31", "--fingerprint", fingerprint, "--out", folder.at("a.lic")],
  );
  assertEquals(issued.code, 0, issued.stderr);
  await Deno.writeTextFile(folder.at("software"), "#!/bin/sh\necho up\n", { mode: 0o755 });
  const run = [
    ...["run", "--license", folder.at("a.lic"), "--software", folder.at("software")],
    ...["--org-key", folder.at("keys/org_public_key.pem")],
  ];
  return { own: await on(own.path, ...run), other: await on(other.path, ...run) };
}

function outcome({ code, stdout }: ProgramResult) {
  return { code, stdout };
}

const RUNS = { code: 0, stdout: "up\n" };
const REFUSED = { code: 83, stdout: "" };

testWith([LINUX], "a second machine of the same image is refused", async () => {
  const machines = {
    licensed: { ...MICRO_VM, ...FIRST },
    attacker: { ...MICRO_VM, ...SECOND },
  };
  const { own, other } = await runOnBoth(machines);
  assertEquals([outcome(own), outcome(other)], [RUNS, REFUSED]);
  assertStringIncludes(
    other.stderr,
    "2 of 3 components match, but none of those that tell this machine from similar ones: machine_id differ",
  );
  const attack = await runOnBoth({ ...machines, doubles: THRESHOLD_ALONE });
  assertEquals(outcome(attack.other), RUNS, "where the threshold is all: the attack");
});

testWith([LINUX], "constants of the hypervisor make no second machine the first", async () => {
  const machines = {
    licensed: { ...EMULATOR, ...FIRST },
    attacker: { ...EMULATOR, ...SECOND },
  };
  const { own, other } = await runOnBoth(machines);
  assertEquals([outcome(own), outcome(other)], [RUNS, REFUSED]);
  const attack = await runOnBoth({ ...machines, doubles: CONSTANTS_READ });
  assertEquals(outcome(attack.other), RUNS, "where constants count as numbers: the attack");
});

testWith([LINUX], "a machine with a new board and its address is still the first", async () => {
  const { own, other } = await runOnBoth({
    licensed: DESKTOP,
    attacker: {
      ...DESKTOP,
      "sys/class/dmi/id/board_serial": "/NEW/CN0000000001/\n",
      "sys/class/net/enp2s0/address": "3c:7c:3f:00:00:00\n",
    },
  });
  assertEquals([outcome(own), outcome(other)], [RUNS, RUNS]);
});

testWith(
  [LINUX],
  "a virtual machine is still the first on a host with other processors",
  async () => {
    const { own, other } = await runOnBoth({
      licensed: MICRO_VM,
      attacker: {
        ...MICRO_VM,
        "proc/cpuinfo": "processor\t: 0\ncpu family\t: 26\nmodel\t\t: 2\nstepping\t: 1\n",
      },
    });
    assertEquals([outcome(own), outcome(other)], [RUNS, RUNS]);
  },
);
