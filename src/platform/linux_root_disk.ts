import { listKernelFolder, readKernelFile } from "./linux_proc.ts";

/** What is mounted at `/`: proc_pid_mountinfo(5). */
export interface RootMount {
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
export function rootMount(root: string): RootMount | undefined {
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
export function rootDisk(root: string): Disk | { readonly error: string } {
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
