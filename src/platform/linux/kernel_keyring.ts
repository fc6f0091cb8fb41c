import { encodeCString } from "../unix/files.ts";
import type { UserKeyring } from "../contract.ts";
import { isInitialUserNamespace } from "./namespaces.ts";
import { readBootId, readProcFile } from "./proc.ts";
import { readErrno, syscall } from "./syscalls.ts";

/** <linux/keyctl.h>; keyctl(2). */
const UPDATE = 2, SETPERM = 5, LINK = 8, UNLINK = 9, SEARCH = 10, READ = 11, SET_TIMEOUT = 15;
const PROCESS_KEYRING = -2, USER_KEYRING = -4;

/** <keyutils.h>: all rights for the possessor and the user, none for others. */
const PERMISSIONS = 0x3f3f0000;

/** Maximum content of a key of this type; keyrings(7). */
const MAX_BYTES = 32_767;

/** Expiry, so that an abandoned machine does not use up the user's quota. */
const SECONDS_KEPT = 90 * 86_400;

const TYPE = encodeCString("user");

/**
 * The kernel's keyring of this user (user-keyring(7)), with keys of the type `user` in memory that is never written to disk.
 * It ends with the boot; before Linux 5.3 with the user's last process. Refusals (containers, quota) are ignored.
 */
export const linuxUserKeyring: UserKeyring = {
  read(name) {
    const key = find(name);
    if (key < 0) return undefined;
    const content = new Uint8Array(MAX_BYTES);
    const length = syscall("keyctl", READ, key, content, content.length);
    return length < 0 ? undefined : content.slice(0, length);
  },
  write(name, content) {
    const key = find(name);
    const isUpdated = key >= 0 && syscall("keyctl", UPDATE, key, content, content.length) === 0;
    const kept = isUpdated ? key : add(name, content);
    if (kept >= 0) syscall("keyctl", SET_TIMEOUT, kept, SECONDS_KEPT);
  },
  remove(name) {
    const key = find(name);
    if (key >= 0) syscall("keyctl", UNLINK, key, USER_KEYRING);
  },
  memory: {
    period: () => answers() ? readBootId() : undefined,
    isLasting: () => isInitialUserNamespace() && outlivesProcesses(),
    longestMs: SECONDS_KEPT * 1000,
  },
};

/** <asm-generic/errno.h>; errno(3). */
const ENOKEY = 126, EKEYEXPIRED = 127, EKEYREVOKED = 128;

/** Tells an empty keyring from one that may not be used, as in most containers. */
function answers(): boolean {
  // opened first, as opening a symbol may change errno
  readErrno();
  return find("sentinel-drm:") >= 0 || [ENOKEY, EKEYEXPIRED, EKEYREVOKED].includes(readErrno());
}

/** Whether the kernel registers user keyrings by namespace (Linux 5.3), so that they stay when the user has no process. */
function outlivesProcesses(): boolean {
  const release = readProcFile("/proc/sys/kernel/osrelease") ?? "";
  const [, major = 0, minor = 0] = /^(\d+)\.(\d+)/.exec(release)?.map(Number) ?? [];
  return major > 5 || (major === 5 && minor >= 3);
}

function find(name: string): number {
  return syscall("keyctl", SEARCH, USER_KEYRING, TYPE, encodeCString(name), 0);
}

/**
 * Creates the key in the process keyring and links it to the user's: a service does not possess the user's keyring, so it
 * could not set permissions there.
 */
function add(name: string, content: Uint8Array<ArrayBuffer>): number {
  const key = syscall(
    "add_key",
    TYPE,
    encodeCString(name),
    content,
    content.length,
    PROCESS_KEYRING,
  );
  if (key < 0) return key;
  syscall("keyctl", SETPERM, key, PERMISSIONS);
  const linked = syscall("keyctl", LINK, key, USER_KEYRING);
  syscall("keyctl", UNLINK, key, PROCESS_KEYRING);
  return linked < 0 ? linked : key;
}
