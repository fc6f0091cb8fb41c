import { dirname } from "@std/path/posix";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";

/** Files by their path with what is in them; a folder with `{ link: TARGET }` is a symbolic link. */
export type RecordedFiles = Readonly<Record<string, string | { readonly link: string }>>;

/** Lays what was recorded of a machine (`/proc`, `/sys`, `/etc`) into a folder of its own. */
export async function layOutMachine(files: RecordedFiles): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  for (const [path, content] of Object.entries(files)) {
    await Deno.mkdir(folder.at(dirname(path)), { recursive: true });
    if (typeof content === "string") await Deno.writeTextFile(folder.at(path), content);
    else await Deno.symlink(content.link, folder.at(path));
  }
  return folder;
}

/** A desktop: root on a partition of a SATA disk, an Ethernet card, a bridge and the loopback. */
export const DESKTOP: RecordedFiles = {
  "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
  "proc/cpuinfo":
    "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 158\nmodel name\t: Intel(R)\n" +
    "stepping\t: 10\n\nprocessor\t: 1\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 158\nstepping\t: 10\n",
  "proc/self/mountinfo": "1 1 0:2 / / rw - rootfs rootfs rw\n" +
    "22 28 0:20 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n" +
    "28 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n" +
    "30 28 8:1 / /boot rw,relatime shared:9 - vfat /dev/sda1 rw\n",
  "proc/net/dev":
    "Inter-|   Receive  |  Transmit\n face |bytes    packets |bytes\n    lo: 1 2 3\nenp3s0: 1 2 3\n" +
    "enp2s0:1 2 3\ndocker0: 0 0 0\nwlp4s0: 0 0 0\n",
  "sys/class/dmi/id/product_uuid": "4c4c4544-0034-4d10-8052-b7c04f4d5632\n",
  "sys/class/dmi/id/board_serial": "/1234ABC/CN7220012345/\n",
  "sys/devices/ata1/block/sda/serial": "  WD-WCC4N1234567\n",
  "sys/devices/ata1/block/sda/uevent": "MAJOR=8\nMINOR=0\nDEVNAME=sda\nDEVTYPE=disk\n",
  "sys/devices/ata1/block/sda/sda2/partition": "2\n",
  "sys/devices/ata1/block/sda/sda2/uevent": "MAJOR=8\nMINOR=2\nDEVNAME=sda2\nDEVTYPE=partition\n",
  "sys/dev/block/8:2": { link: "../../devices/ata1/block/sda/sda2" },
  "sys/class/block/sda2": { link: "../../devices/ata1/block/sda/sda2" },
  "sys/class/net/lo/address": "00:00:00:00:00:00\n",
  "sys/class/net/enp3s0/address": "3c:7c:3f:00:00:02\n",
  "sys/class/net/enp3s0/device/uevent": "DRIVER=e1000e\n",
  "sys/class/net/enp2s0/address": "3c:7c:3f:00:00:01\n",
  "sys/class/net/enp2s0/device/uevent": "DRIVER=igb\n",
  "sys/class/net/docker0/address": "00:42:12:34:56:78\n",
  "sys/class/net/wlp4s0/address": "02:00:00:00:00:01\n",
  "sys/class/net/wlp4s0/device/uevent": "DRIVER=iwlwifi\n",
};

/** A second disk of the desktop, and what device mapper and RAID make of both. */
export const SECOND_DISK: RecordedFiles = {
  "sys/devices/ata2/block/sdb/serial": "SECOND\n",
  "sys/devices/ata2/block/sdb/uevent": "DEVNAME=sdb\n",
};
