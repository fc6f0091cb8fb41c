import { libc } from "../../ffi/libc.ts";
import { cString } from "./c_string.ts";
import type { ComponentSource, FingerprintSources, Reading } from "./hardware.ts";
import { lowestMakersAddress } from "./makers_address.ts";
import { rootDisk, type RootMount, rootMount } from "./linux_root_disk.ts";
import { readKernelFile } from "./linux_proc.ts";

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
  return lowestMakersAddress(addresses);
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
