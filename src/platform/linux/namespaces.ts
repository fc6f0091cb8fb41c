import { libc } from "../../../ffi/libc.ts";
import type { TamperDetection } from "../contract.ts";
import { encodeCString } from "../unix/files.ts";
import { readProcFile } from "./proc.ts";

/** `f_type` in `struct statfs` of 64-bit Linux, a long; <linux/magic.h>. */
const STATFS_BYTES = 120;
const PROC_SUPER_MAGIC = 0x9fa0n;

/** The map of the namespace that the system boots with; user_namespaces(7). */
const IDENTITY_MAP = /^\s*0\s+0\s+4294967295\s*$/;
const UID_MAP = "/proc/self/uid_map";

/** What this process sees of its namespaces. */
export interface Surroundings {
  /** Returns the type of the file system that a path is on; `undefined` if it does not exist. */
  readonly fileSystem: (path: string) => bigint | undefined;
  readonly read: (path: string) => string | undefined;
}

const actual: Surroundings = { fileSystem: readFileSystemType, read: readProcFile };

/**
 * Whether root of this process's user namespace is the machine's, so that no other user can have mounted anything. Only
 * the kernel's own word counts.
 */
export function isInitialUserNamespace({ fileSystem, read }: Surroundings = actual): boolean {
  const type = fileSystem(UID_MAP);
  // a kernel without user namespaces
  if (type === undefined) return fileSystem("/proc/self") === PROC_SUPER_MAGIC;
  return type === PROC_SUPER_MAGIC && IDENTITY_MAP.test(read(UID_MAP) ?? "");
}

/** Files that tell this machine, or its boot, from others, as the kernel shows them. */
const KERNEL_IDENTITY = [
  "/proc/sys/kernel/random/boot_id",
  ...["product_uuid", "board_serial"].map((name) => `/sys/class/dmi/id/${name}`),
];

/** The machine id, at the first place that has one; machine-id(5). */
export const MACHINE_ID_PATHS = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

/**
 * Why a file may be another than the machine's: outside the initial user namespace only what the kernel shows is believed.
 *
 * @returns Text for people; `undefined` if it is the machine's.
 */
export function explainDistrust(
  path: string,
  surroundings: Surroundings = actual,
): string | undefined {
  if (isInitialUserNamespace(surroundings) || isKernelFile(path, surroundings)) return undefined;
  return "the user namespace can show another file";
}

/**
 * Detects a user namespace, in which any user can be root: honest in containers without root's rights, so it is only
 * reported. A file of the machine's identity that is covered there is more than that.
 */
export function findNamespace(surroundings: Surroundings = actual): TamperDetection[] {
  if (isInitialUserNamespace(surroundings)) return [];
  const map = surroundings.read(UID_MAP)?.trim().replaceAll(/\s+/g, " ");
  const found: TamperDetection = {
    kind: "user_namespace",
    message: "sentinel runs in a user namespace",
    evidence: `its uid_map is ${map ?? "not readable"}`,
  };
  const { fileSystem } = surroundings;
  const machineId = MACHINE_ID_PATHS.find((path) => fileSystem(path) !== undefined);
  const covered = [
    ...KERNEL_IDENTITY.filter((path) => !isKernelFile(path, surroundings)),
    ...(machineId !== undefined && isMounted(machineId, surroundings) ? [machineId] : []),
  ];
  return covered.length === 0 ? [found] : [found, {
    kind: "identity_covered",
    message: "this machine's identity is covered in a user namespace",
    evidence: covered.join(", "),
  }];
}

/** Whether a mount other than that of `/` has the file. */
function isMounted(path: string, surroundings: Surroundings): boolean {
  const mounts = readMounts(surroundings);
  return mounts?.some(({ point }) => point !== "/" && isBelow(path, point)) ?? true;
}

/** Whether the kernel shows this file at this path. Container engines mount parts of `/proc` and `/sys` on themselves. */
function isKernelFile(path: string, surroundings: Surroundings): boolean {
  const tree = ["/proc", "/sys"].find((folder) => isBelow(path, folder));
  if (tree === undefined) return false;
  const type = surroundings.fileSystem(path);
  if (type !== undefined && type !== MAGIC[tree]) return false;
  const moved = readMounts(surroundings)?.some(({ root, point, type }) =>
    ["proc", "sysfs"].includes(type) && isBelow(point, tree) && `${tree}${root}` !== `${point}/` &&
    `${tree}${root}` !== point
  );
  return !(moved ?? true);
}

/** <linux/magic.h>. */
const MAGIC: Readonly<Record<string, bigint>> = { "/proc": PROC_SUPER_MAGIC, "/sys": 0x6265_6572n };

interface Mount {
  /** The part of the file system that is mounted. */
  readonly root: string;
  readonly point: string;
  /** Such as `ext4`. */
  readonly type: string;
}

/** Reads proc_pid_mountinfo(5); `undefined` if it cannot be read. */
function readMounts({ read }: Surroundings): Mount[] | undefined {
  const lines = read("/proc/self/mountinfo")
    ?.matchAll(/^\d+ \d+ \S+ (\S+) (\S+) [^\n]*? - (\S+) /gm);
  return lines && Array.from(lines, ([, root, point, type]) => ({
    root: root!,
    point: point!,
    type: type!,
  }));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function readFileSystemType(path: string): bigint | undefined {
  const statfs = new Uint8Array(STATFS_BYTES);
  if (libc().statfs(encodeCString(path), statfs) !== 0) return undefined;
  return new DataView(statfs.buffer).getBigInt64(0, true);
}
