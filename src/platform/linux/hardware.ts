import { listKernelFolder, readKernelFile } from "./proc.ts";
import { libc } from "../../../ffi/libc.ts";
import { cString } from "../unix/files.ts";
import {
  type ComponentSource,
  type FingerprintSources,
  lowestMacAddress,
  type Reading,
} from "../hardware_ids.ts";

/** What is mounted at `/`: proc_pid_mountinfo(5). */
interface RootMount {
  readonly major: number;
  readonly minor: number;
  /** Such as `ext4` or `overlay`. */
  readonly type: string;
  /** Such as `/dev/sda2` or `overlay`. */
  readonly device: string;
}

/** A whole disk, and where its serial number stands. */
export interface Disk {
  readonly name: string;
  readonly serialPath: string;
}

/** Layers of device mapper and software RAID; more than any machine has. */
const MOST_LAYERS = 16;

/** The last mount at `/`, which covers those before. @param root Stands before every path. */
function rootMount(root: string): RootMount | undefined {
  const table = readKernelFile(`${root}/proc/self/mountinfo`);
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
 * The one disk that the root file system lies on: a partition's whole disk, through LVM, encryption and RAID as long as they
 * lie on one disk. An overlay or a network's file system lies on none that can be seen.
 */
function rootDisk(root: string): Disk | { readonly error: string } {
  const mount = rootMount(root);
  if (mount === undefined) return { error: "what is mounted at / cannot be read" };
  const folder = deviceFolder(root, mount);
  if (folder === undefined) {
    return { error: `/ is ${mount.type} on ${mount.device}, which is no disk that can be seen` };
  }
  const disks = new Map(wholeDisks(folder, 0).map((disk) => [disk.name, disk]));
  if (disks.size > 1) return { error: `/ lies on several disks: ${[...disks.keys()].join(", ")}` };
  const [disk] = disks.values();
  return disk ?? { error: `the disk of / is not there: ${mount.major}:${mount.minor}` };
}

/** btrfs has a device number of its own (major 0), which names no device: its source does. */
function deviceFolder(root: string, { major, minor, device }: RootMount): string | undefined {
  if (major !== 0) return `${root}/sys/dev/block/${major}:${minor}`;
  const name = /^\/dev\/(?:.*\/)?([^/]+)$/.exec(device)?.[1];
  if (name === undefined) return undefined;
  const folders = [name, ...listKernelFolder(`${root}/sys/class/block`)]
    .map((entry) => `${root}/sys/class/block/${entry}`);
  return folders.find((folder, i) => {
    const mapped = readKernelFile(`${folder}/${i === 0 ? "uevent" : "dm/name"}`);
    return "value" in mapped && (i === 0 || mapped.value === name);
  });
}

/** A partition's folder lies in its disk's; what is made of other devices has them in `slaves`. */
function wholeDisks(folder: string, layer: number): Disk[] {
  if ("value" in readKernelFile(`${folder}/partition`)) return wholeDisks(`${folder}/..`, layer);
  const below = listKernelFolder(`${folder}/slaves`);
  if (below.length > 0 && layer < MOST_LAYERS) {
    return below.flatMap((name) => wholeDisks(`${folder}/slaves/${name}`, layer + 1));
  }
  const event = readKernelFile(`${folder}/uevent`);
  const name = "value" in event ? /^DEVNAME=(.+)$/m.exec(event.value)?.[1] : undefined;
  return name === undefined ? [] : [{ name, serialPath: `${folder}/serial` }];
}

/** What is looked at besides files: passed in by tests. */
export interface LinuxHardwareOptions {
  /** Stands before every path: a recorded tree (default: none, the machine itself). */
  readonly root?: string;
  /** The id of the file system at `/` (statfs(2), `f_fsid`), its first word in the upper half. */
  readonly fileSystemId?: () => bigint | undefined;
}

/** Where a Linux machine's components are read from. */
export function linuxFingerprintSources(
  { root = "", fileSystemId = rootFileSystemId }: LinuxHardwareOptions = {},
): FingerprintSources {
  const file = (path: string): ComponentSource => ({
    place: path,
    read: () => readKernelFile(root + path),
  });
  return {
    machine_id: [file("/etc/machine-id")],
    cpu: [
      file("/sys/class/dmi/id/product_uuid"),
      { place: "Serial in /proc/cpuinfo", read: () => readCpuSerial(root) },
    ],
    disk: [diskSerial(root), {
      place: "id of the root file system (statfs)",
      read: () => readFileSystemId(rootMount(root), fileSystemId),
    }],
    board: [file("/sys/class/dmi/id/board_serial")],
    mac: [{ place: "/sys/class/net", read: () => readLowestAddress(root) }],
    cpu_model: [{ place: "/proc/cpuinfo", read: () => readCpuModel(root) }],
  };
}

function diskSerial(root: string): ComponentSource {
  const disk = rootDisk(root);
  return "error" in disk
    ? { place: "serial of the root disk", read: () => disk }
    : { place: `/sys/block/${disk.name}/serial`, read: () => readKernelFile(disk.serialPath) };
}

/** The fields of the first processor that `/proc/cpuinfo` lists, and those behind the last, which are the board's. */
function readCpuFields(root: string): ReadonlyMap<string, string> | undefined {
  const text = readKernelFile(`${root}/proc/cpuinfo`);
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

/** x86 names them as they are called; ARM has part, architecture, and variant with revision for them (MIDR_EL1). */
const MODEL_FIELDS = [
  { model: ["model"], family: ["cpu family"], stepping: ["stepping"] },
  {
    model: ["CPU implementer", "CPU part"],
    family: ["CPU architecture"],
    stepping: ["CPU variant", "CPU revision"],
  },
] as const;

/** `model 85, family 6, stepping 7`. */
function readCpuModel(root: string): Reading {
  const fields = readCpuFields(root);
  for (const { model, family, stepping } of MODEL_FIELDS) {
    if (![...model, ...family, ...stepping].every((name) => fields?.has(name))) continue;
    const join = (names: readonly string[]) => names.map((name) => fields!.get(name)).join("/");
    return { value: `model ${join(model)}, family ${join(family)}, stepping ${join(stepping)}` };
  }
  return { error: "has no model, family and stepping" };
}

/** A name and a colon in each line but the first two; proc_pid_net(5), `dev`. Containers have interfaces of their own. */
function interfaceNames(root: string): string[] {
  const table = readKernelFile(`${root}/proc/net/dev`);
  if ("error" in table) return [];
  return Array.from(table.value.matchAll(/^\s*([^\s|]+):/gm), ([, name]) => name!);
}

/** The lowest address that a maker gave to an interface with a device behind it: no bridge, tunnel or container's end. */
function readLowestAddress(root: string): Reading {
  const addresses = interfaceNames(root)
    .map((name) => `${root}/sys/class/net/${name}`)
    .filter((folder) => "value" in readKernelFile(`${folder}/device/uevent`))
    .map((folder) => readKernelFile(`${folder}/address`))
    .flatMap((address) => "value" in address ? address.value : []);
  return lowestMacAddress(addresses);
}

/** File systems that are made anew with each container or boot, so that their ids do not last. */
const PASSING = ["overlay", "aufs", "tmpfs", "ramfs", "rootfs", "squashfs"];

/** As `stat -f -c %i /` prints it. */
function readFileSystemId(
  mount: RootMount | undefined,
  fileSystemId: () => bigint | undefined,
): Reading {
  if (mount !== undefined && PASSING.includes(mount.type)) {
    return { error: `${mount.type} has no id that lasts (a container or a live system)` };
  }
  const id = fileSystemId();
  if (id === undefined) return { error: "cannot be read" };
  if (mount !== undefined && id === deviceAsId(mount)) {
    return { error: `${mount.type} gives its device's number, which many machines share` };
  }
  return { value: id.toString(16) };
}

/** What file systems without an id of their own give: the device's number as <linux/kdev_t.h> encodes it. */
function deviceAsId({ major, minor }: RootMount): bigint {
  const encoded = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
  return BigInt(encoded >>> 0) << 32n;
}

/** `f_fsid` in `struct statfs` of 64-bit Linux: two ints behind seven longs. */
const FSID_OFFSET = 56, STATFS_BYTES = 120;

function rootFileSystemId(): bigint | undefined {
  const statfs = new Uint8Array(STATFS_BYTES);
  if (libc().statfs(cString("/"), statfs) !== 0) return undefined;
  const view = new DataView(statfs.buffer);
  const [first, second] = [
    view.getUint32(FSID_OFFSET, true),
    view.getUint32(FSID_OFFSET + 4, true),
  ];
  return (BigInt(first) << 32n) | BigInt(second);
}
