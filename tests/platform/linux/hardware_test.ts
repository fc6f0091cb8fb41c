import { assertEquals } from "@std/assert";
import { type Component, readHardware } from "../../../src/license/fingerprint.ts";
import { type ComponentName, COMPONENTS } from "../../../src/platform/hardware_ids.ts";
import {
  createLinuxFingerprintSources,
  type LinuxHardwareOptions,
} from "../../../src/platform/linux/hardware.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import { openLibraries } from "../../support/open_libraries.ts";
import {
  DESKTOP,
  layOutMachine,
  type RecordedFiles,
  SECOND_DISK,
} from "../../support/recorded_machine.ts";
import { POSIX, testWith } from "../../support/requirements.ts";
import { runTool } from "../../support/run_tool.ts";

openLibraries();

/** What the recorded machine's component is; its file system has the id that is given. */
async function readRecorded(
  name: ComponentName,
  files: RecordedFiles,
  { fileSystemId = () => 0x1234n }: LinuxHardwareOptions = {},
): Promise<Component> {
  await using folder = await layOutMachine(files);
  return (await readHardware(createLinuxFingerprintSources({ root: folder.path, fileSystemId })))[
    name
  ];
}

function readable(value: string, place: string): Component {
  return { kind: "readable", value, place };
}

function without(...paths: string[]): RecordedFiles {
  return Object.fromEntries(Object.entries(DESKTOP).filter(([path]) => !paths.includes(path)));
}

function rootOn(mount: string): RecordedFiles {
  return { "proc/self/mountinfo": `28 1 ${mount} rw\n` };
}

function virtualDisk(serial: string): RecordedFiles {
  return {
    ...rootOn("254:0 / / rw - ext4 /dev/vda"),
    "sys/dev/block/254:0": { link: "../../devices/virtio0/block/vda" },
    "sys/devices/virtio0/block/vda/uevent": "DEVNAME=vda\n",
    "sys/devices/virtio0/block/vda/serial": `${serial}\n`,
  };
}

const READABLE: [string, ComponentName, RecordedFiles, Component][] = [
  [
    "the machine id",
    "machine_id",
    {},
    readable("0123456789abcdef0123456789abcdef", "/etc/machine-id"),
  ],
  [
    "the firmware's UUID as the processor's",
    "cpu",
    {},
    readable("4c4c4544-0034-4d10-8052-b7c04f4d5632", "/sys/class/dmi/id/product_uuid"),
  ],
  [
    "the processor's serial if the firmware's UUID is a placeholder",
    "cpu",
    {
      "sys/class/dmi/id/product_uuid": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF\n",
      "proc/cpuinfo":
        "processor\t: 0\nCPU part\t: 0xd08\n\nHardware\t: BCM2835\nSerial\t\t: 10000000a1b2c3d4\n",
    },
    readable("10000000a1b2c3d4", "Serial in /proc/cpuinfo"),
  ],
  [
    "the whole disk of a partition",
    "disk",
    {},
    readable("WD-WCC4N1234567", "/sys/block/sda/serial"),
  ],
  [
    "a disk without partitions",
    "disk",
    {
      ...rootOn("254:0 / / rw - ext4 /dev/vda"),
      "sys/dev/block/254:0": { link: "../../devices/ata2/block/sdb" },
      ...SECOND_DISK,
    },
    readable("SECOND", "/sys/block/sdb/serial"),
  ],
  [
    "the one disk below LVM on encryption on a partition",
    "disk",
    {
      ...rootOn("253:1 / / rw - ext4 /dev/mapper/vg-root"),
      "sys/dev/block/253:1": { link: "../../devices/virtual/block/dm-1" },
      "sys/devices/virtual/block/dm-1/uevent": "DEVNAME=dm-1\n",
      "sys/devices/virtual/block/dm-1/slaves/dm-0": { link: "../../dm-0" },
      "sys/devices/virtual/block/dm-0/slaves/sda2": { link: "../../../../ata1/block/sda/sda2" },
    },
    readable("WD-WCC4N1234567", "/sys/block/sda/serial"),
  ],
  [
    "btrfs by the partition that was mounted",
    "disk",
    rootOn("0:25 /@ / rw - btrfs /dev/sda2"),
    readable("WD-WCC4N1234567", "/sys/block/sda/serial"),
  ],
  [
    "btrfs on LVM by the name of its volume",
    "disk",
    {
      ...rootOn("0:25 /@ / rw - btrfs /dev/mapper/vg-root"),
      "sys/class/block/dm-0": { link: "../../devices/virtual/block/dm-0" },
      "sys/devices/virtual/block/dm-0/dm/name": "vg-root\n",
      "sys/devices/virtual/block/dm-0/slaves/sda2": { link: "../../../../ata1/block/sda/sda2" },
    },
    readable("WD-WCC4N1234567", "/sys/block/sda/serial"),
  ],
  [
    "the file system's id if the disk has no serial",
    "disk",
    { "sys/devices/ata1/block/sda/serial": "\n" },
    readable("1234", "id of the root file system (statfs)"),
  ],
  [
    "the file system's id where a virtual disk has a name for a serial",
    "disk",
    virtualDisk("overlayblk"),
    readable("1234", "id of the root file system (statfs)"),
  ],
  [
    "the identifier of a virtual disk",
    "disk",
    virtualDisk("vol0123456789abcdef0"),
    readable("vol0123456789abcdef0", "/sys/block/vda/serial"),
  ],
  [
    "the file system's id where it lies on two disks",
    "disk",
    {
      ...rootOn("9:0 / / rw - ext4 /dev/md0"),
      "sys/dev/block/9:0": { link: "../../devices/virtual/block/md0" },
      "sys/devices/virtual/block/md0/slaves/sda2": { link: "../../../../ata1/block/sda/sda2" },
      "sys/devices/virtual/block/md0/slaves/sdb": { link: "../../../../ata2/block/sdb" },
      ...SECOND_DISK,
    },
    readable("1234", "id of the root file system (statfs)"),
  ],
  [
    "the board's serial",
    "board",
    {},
    readable("/1234ABC/CN7220012345/", "/sys/class/dmi/id/board_serial"),
  ],
  [
    "the lowest maker's address of a card, not a bridge's and not one that was made up",
    "mac",
    {},
    readable("3c:7c:3f:00:00:01", "/sys/class/net"),
  ],
  [
    "the model of an x86 processor",
    "cpu_model",
    {},
    readable("model 158, family 6, stepping 10", "/proc/cpuinfo"),
  ],
  [
    "the model of an ARM processor",
    "cpu_model",
    {
      "proc/cpuinfo":
        "processor\t: 0\nBogoMIPS\t: 108.00\nCPU implementer\t: 0x41\nCPU architecture: 8\n" +
        "CPU variant\t: 0x0\nCPU part\t: 0xd08\nCPU revision\t: 3\n",
    },
    readable("model 0x41/0xd08, family 8, stepping 0x0/3", "/proc/cpuinfo"),
  ],
];

for (const [what, name, change, expected] of READABLE) {
  testWith([POSIX], `Linux: ${name} is ${what}`, async () => {
    assertEquals(await readRecorded(name, { ...DESKTOP, ...change }), expected);
  });
}

const UNREADABLE: [string, ComponentName, RecordedFiles, string, LinuxHardwareOptions?][] = [
  [
    "an empty machine id",
    "machine_id",
    { ...DESKTOP, "etc/machine-id": "\n" },
    "/etc/machine-id: empty",
  ],
  [
    "a board with placeholder values",
    "board",
    { ...DESKTOP, "sys/class/dmi/id/board_serial": "To be filled by O.E.M.\n" },
    "/sys/class/dmi/id/board_serial: a placeholder (To be filled by O.E.M.)",
  ],
  [
    "no firmware table",
    "cpu",
    without("sys/class/dmi/id/product_uuid"),
    "/sys/class/dmi/id/product_uuid: not there; Serial in /proc/cpuinfo: not there",
  ],
  [
    "a container's overlay, which has neither disk nor lasting id",
    "disk",
    { ...DESKTOP, ...rootOn("0:54 / / rw - overlay overlay") },
    "serial of the root disk: / is overlay on overlay, which is not a visible disk; " +
    "id of the root file system (statfs): overlay has no permanent id (a container or a live system)",
  ],
  [
    "a file system that gives the number of its device",
    "disk",
    {
      ...DESKTOP,
      ...rootOn("259:2 / / rw - xfs /dev/nvme0n1p2"),
      "sys/dev/block/259:2": { link: "../../devices/nvme0n1" },
      "sys/devices/nvme0n1/uevent": "DEVNAME=nvme0n1\n",
    },
    "/sys/block/nvme0n1/serial: not there; " +
    "id of the root file system (statfs): xfs reports its device number, which many machines share",
    { fileSystemId: () => 0x10302n << 32n },
  ],
  [
    "a virtual machine with a locally administered address",
    "mac",
    without("sys/class/net/enp2s0/device/uevent", "sys/class/net/enp3s0/device/uevent"),
    "/sys/class/net: no physical interface with a universally administered address",
  ],
  ...["overlayblk", "rootfs", "lxd_root", "drive-virtio-disk0", "disk10"].map((
    name,
  ): typeof UNREADABLE[number] => [
    `a virtual disk that is called ${name}`,
    "disk",
    { ...DESKTOP, ...virtualDisk(name) },
    `/sys/block/vda/serial: the name of a virtual disk, not its serial number (${name}); ` +
    "id of the root file system (statfs): cannot be read",
    { fileSystemId: () => undefined },
  ]),
  [
    "a machine whose one address is a virtual router's",
    "mac",
    {
      ...without("sys/class/net/enp2s0/device/uevent"),
      "sys/class/net/enp3s0/address": "00:00:5e:00:01:0a\n",
    },
    "/sys/class/net: no physical interface with a universally administered address",
  ],
  [
    "a processor that says nothing of itself",
    "cpu_model",
    { ...DESKTOP, "proc/cpuinfo": "processor\t: 0\nhart\t: 0\n" },
    "/proc/cpuinfo: has no model, family and stepping",
  ],
];

for (const [what, name, files, why, options] of UNREADABLE) {
  testWith([POSIX], `Linux: ${name} cannot be read of ${what}`, async () => {
    assertEquals(await readRecorded(name, files, options), { kind: "unreadable", why });
  });
}

testWith(
  [POSIX],
  "Linux: of an empty machine nothing can be read, and nothing is thrown",
  async () => {
    await using folder = await layOutMachine({ "x": "" });
    const fileSystemId = () => undefined;
    const hardware = await readHardware(
      createLinuxFingerprintSources({ root: folder.path, fileSystemId }),
    );
    const unreadable = COMPONENTS.filter((name) => hardware[name].kind === "unreadable");
    assertEquals(unreadable, [...COMPONENTS]);
  },
);

/** ext2, ext3 and ext4 share a name here; they give half of their UUID. */
const rootType = POSIX.met ? (await runTool("stat", "-f", "-c", "%T", "/")).trim() : "";

testWith(
  [POSIX, { need: `an ext file system as / (it is ${rootType})`, met: rootType.startsWith("ext") }],
  "Linux: this machine's file system has the id that stat prints",
  async () => {
    const { disk: [, fileSystem] } = createLinuxFingerprintSources();
    const id = (await runTool("stat", "-f", "-c", "%i", "/")).trim();
    assertEquals(await fileSystem!.read(), { value: id });
  },
);

testWith(
  [POSIX],
  "Linux: this machine's processor is readable with the program's permissions",
  async () => {
    const hardware = await readHardware(await selectPlatform().fingerprintSources());
    assertEquals(hardware.cpu_model.kind, "readable");
  },
);
