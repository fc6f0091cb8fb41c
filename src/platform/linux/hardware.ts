import { explainDistrust } from "./namespaces.ts";
import { listKernelFolder, readKernelFile } from "./proc.ts";
import { libc } from "../../../ffi/libc.ts";
import { encodeCString } from "../unix/files.ts";
import {
  type ComponentSource,
  findLowestMacAddress,
  type FingerprintSources,
  type Reading,
} from "../hardware_ids.ts";

/** The mount at `/`; proc_pid_mountinfo(5). */
interface RootMount {
  readonly major: number;
  readonly minor: number;
  /** Such as `ext4` or `overlay`. */
  readonly type: string;
  /** Such as `/dev/sda2` or `overlay`. */
  readonly device: string;
}

export interface Disk {
  readonly name: string;
  readonly serialPath: string;
}

/** Reads a file, unless the user could have put another in its place. */
function readHardwareFile(path: string): Reading {
  const why = explainDistrust(path);
  return why === undefined ? readKernelFile(path) : { error: why };
}

/** Limit for nested device mapper and RAID layers. */
const MAX_LAYERS = 16;

/** Returns the last mount at `/`, which covers earlier ones. @param root Prefix of every path. */
function readRootMount(root: string): RootMount | undefined {
  const table = readHardwareFile(`${root}/proc/self/mountinfo`);
  if ("error" in table) return undefined;
  const lines = table.value.matchAll(
    /^\d+ \d+ (\d+):(\d+) \S+ \/ [^\n]*? - (\S+) (\S+)/gm,
  );
  const last = [...lines].at(-1);
  if (last === undefined) return undefined;
  const [, major, minor, type, device] = last;
  return { major: Number(major), minor: Number(minor), type: type!, device: device! };
}

/**
 * Finds the disk of the root file system, through partitions, LVM, encryption and RAID, if it is a single one. Overlays and
 * network file systems have no visible disk.
 */
function findRootDisk(root: string): Disk | { readonly error: string } {
  const mount = readRootMount(root);
  if (mount === undefined) return { error: "the mount of / cannot be read" };
  const folder = findDeviceFolder(root, mount);
  if (folder === undefined) {
    return { error: `/ is ${mount.type} on ${mount.device}, which is not a visible disk` };
  }
  const disks = new Map(findWholeDisks(folder, 0).map((disk) => [disk.name, disk]));
  if (disks.size > 1) return { error: `/ spans several disks: ${[...disks.keys()].join(", ")}` };
  const [disk] = disks.values();
  return disk ?? { error: `the disk of / does not exist: ${mount.major}:${mount.minor}` };
}

/** btrfs reports major 0, which names no device; the mount's source does. */
function findDeviceFolder(root: string, { major, minor, device }: RootMount): string | undefined {
  if (major !== 0) return `${root}/sys/dev/block/${major}:${minor}`;
  const name = /^\/dev\/(?:.*\/)?([^/]+)$/.exec(device)?.[1];
  if (name === undefined) return undefined;
  const folders = [name, ...listKernelFolder(`${root}/sys/class/block`)]
    .map((entry) => `${root}/sys/class/block/${entry}`);
  return folders.find((folder, i) => {
    const mapped = readHardwareFile(`${folder}/${i === 0 ? "uevent" : "dm/name"}`);
    return "value" in mapped && (i === 0 || mapped.value === name);
  });
}

/** In sysfs a partition is a child of its disk; a composed device lists its parts in `slaves`. */
function findWholeDisks(folder: string, layer: number): Disk[] {
  if ("value" in readHardwareFile(`${folder}/partition`)) {
    return findWholeDisks(`${folder}/..`, layer);
  }
  const below = listKernelFolder(`${folder}/slaves`);
  if (below.length > 0 && layer < MAX_LAYERS) {
    return below.flatMap((name) => findWholeDisks(`${folder}/slaves/${name}`, layer + 1));
  }
  const event = readHardwareFile(`${folder}/uevent`);
  const name = "value" in event ? /^DEVNAME=(.+)$/m.exec(event.value)?.[1] : undefined;
  return name === undefined ? [] : [{ name, serialPath: `${folder}/serial` }];
}

export interface LinuxHardwareOptions {
  /** Prefix of every path, such as a recorded tree (default: none). */
  readonly root?: string;
  /** Returns the id of the file system at `/` (statfs(2), `f_fsid`), first word in the upper half. */
  readonly fileSystemId?: () => bigint | undefined;
}

/** Returns the sources of a Linux machine's components. */
export function createLinuxFingerprintSources(
  { root = "", fileSystemId = readRootFileSystemId }: LinuxHardwareOptions = {},
): FingerprintSources {
  const file = (path: string): ComponentSource => ({
    place: path,
    read: () => readHardwareFile(root + path),
  });
  return {
    machine_id: [file("/etc/machine-id")],
    cpu: [
      file("/sys/class/dmi/id/product_uuid"),
      { place: "Serial in /proc/cpuinfo", read: () => readCpuSerial(root) },
    ],
    disk: [createDiskSerialSource(root), {
      place: "id of the root file system (statfs)",
      read: () => readFileSystemId(readRootMount(root), fileSystemId),
    }],
    board: [file("/sys/class/dmi/id/board_serial")],
    mac: [{ place: "/sys/class/net", read: () => readLowestAddress(root) }],
    cpu_model: [{ place: "/proc/cpuinfo", read: () => readCpuModel(root) }],
  };
}

function createDiskSerialSource(root: string): ComponentSource {
  const disk = findRootDisk(root);
  return "error" in disk
    ? { place: "serial of the root disk", read: () => disk }
    : { place: `/sys/block/${disk.name}/serial`, read: () => readDiskSerial(disk) };
}

/**
 * The serial number of a virtio disk is what the hypervisor was told to call it: often a name, such as `rootfs`, that every
 * machine of its kind has. Others are identifiers, such as a volume's.
 */
function readDiskSerial({ name, serialPath }: Disk): Reading {
  const serial = readHardwareFile(serialPath);
  const isName = "value" in serial && name.startsWith("vd") &&
    /^[a-z_. -]+\d{0,2}$/i.test(serial.value);
  return isName
    ? { error: `the name of a virtual disk, not its serial number (${serial.value})` }
    : serial;
}

/** Reads the fields of the first processor in `/proc/cpuinfo`, and the board's fields at its end. */
function readCpuFields(root: string): ReadonlyMap<string, string> | undefined {
  const text = readHardwareFile(`${root}/proc/cpuinfo`);
  if ("error" in text) return undefined;
  const fields = new Map<string, string>();
  for (const [, name, value] of text.value.matchAll(/^([^\t:\n]+?)[ \t]*:[ \t]*(.*?)[ \t]*$/gm)) {
    if (!fields.has(name!)) fields.set(name!, value!);
  }
  return fields;
}

function readCpuSerial(root: string): Reading {
  const serial = readCpuFields(root)?.get("Serial");
  return serial === undefined ? { error: "not there" } : { value: serial };
}

/** Field names on x86, and on ARM (MIDR_EL1: part, architecture, variant and revision). */
const MODEL_FIELDS = [
  { model: ["model"], family: ["cpu family"], stepping: ["stepping"] },
  {
    model: ["CPU implementer", "CPU part"],
    family: ["CPU architecture"],
    stepping: ["CPU variant", "CPU revision"],
  },
] as const;

/** Returns a text such as `model 85, family 6, stepping 7`. */
function readCpuModel(root: string): Reading {
  const fields = readCpuFields(root);
  for (const { model, family, stepping } of MODEL_FIELDS) {
    if (![...model, ...family, ...stepping].every((name) => fields?.has(name))) continue;
    const join = (names: readonly string[]) => names.map((name) => fields!.get(name)).join("/");
    return { value: `model ${join(model)}, family ${join(family)}, stepping ${join(stepping)}` };
  }
  return { error: "has no model, family and stepping" };
}

/** Lists interfaces: a name and a colon in each line after the first two; proc_pid_net(5), `dev`. */
function listInterfaces(root: string): string[] {
  const table = readHardwareFile(`${root}/proc/net/dev`);
  if ("error" in table) return [];
  return Array.from(table.value.matchAll(/^\s*([^\s|]+):/gm), ([, name]) => name!);
}

/** Reads the lowest universal address of the physical interfaces (with a device; no bridge, tunnel or container end). */
function readLowestAddress(root: string): Reading {
  const addresses = listInterfaces(root)
    .map((name) => `${root}/sys/class/net/${name}`)
    .filter((folder) => "value" in readHardwareFile(`${folder}/device/uevent`))
    .map((folder) => readHardwareFile(`${folder}/address`))
    .flatMap((address) => "value" in address ? address.value : []);
  return findLowestMacAddress(addresses);
}

/** File systems created with each container or boot, so their ids change. */
const EPHEMERAL_TYPES = ["overlay", "aufs", "tmpfs", "ramfs", "rootfs", "squashfs"];

/** Returns the id as `stat -f -c %i /` prints it. */
function readFileSystemId(
  mount: RootMount | undefined,
  fileSystemId: () => bigint | undefined,
): Reading {
  if (mount !== undefined && EPHEMERAL_TYPES.includes(mount.type)) {
    return { error: `${mount.type} has no permanent id (a container or a live system)` };
  }
  const id = fileSystemId();
  if (id === undefined) return { error: "cannot be read" };
  if (mount !== undefined && id === makeDeviceId(mount)) {
    return { error: `${mount.type} reports its device number, which many machines share` };
  }
  return { value: id.toString(16) };
}

/** Id of file systems without their own: the device number, encoded as in <linux/kdev_t.h>. */
function makeDeviceId({ major, minor }: RootMount): bigint {
  const encoded = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  return BigInt(encoded >>> 0) << 32n;
}

/** `f_fsid` in `struct statfs` of 64-bit Linux: two ints after seven longs. */
const FSID_OFFSET = 56, STATFS_BYTES = 120;

function readRootFileSystemId(): bigint | undefined {
  const statfs = new Uint8Array(STATFS_BYTES);
  if (libc().statfs(encodeCString("/"), statfs) !== 0) return undefined;
  const view = new DataView(statfs.buffer);
  const [first, second] = [
    view.getUint32(FSID_OFFSET, true),
    view.getUint32(FSID_OFFSET + 4, true),
  ];
  return (BigInt(first) << 32n) | BigInt(second);
}
