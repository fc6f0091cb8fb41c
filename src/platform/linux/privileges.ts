import { libc } from "../../../ffi/libc.ts";
import { encodeCString } from "../unix/files.ts";
import { listKernelFolder, readProcFile } from "./proc.ts";
import type { PrivilegeControl, ProcessRights, ProgramImage } from "../process_contract.ts";
import { SentinelError } from "../../core/errors.ts";
import { containsItself, isSameFile, listMissing } from "./chroot_check.ts";
import { syscall } from "./syscalls.ts";

/** Capabilities in the order of their numbers, <linux/capability.h>. */
const NAMES: readonly string[] = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
].map((name) => `CAP_${name}`);

/** Returns the kernel's bit set for these capabilities. */
function makeCapabilitySet(names: readonly string[]): bigint {
  return names.reduce((set, name) => set | 1n << BigInt(NAMES.indexOf(name)), 0n);
}

function listNumbers(set: bigint): bigint[] {
  const numbers: bigint[] = [];
  for (let number = 0n; set >> number > 0n; number++) {
    if ((set >> number & 1n) === 1n) numbers.push(number);
  }
  return numbers;
}

/** Names the capabilities in a set; one newer than the list gets its number. */
function listNames(set: bigint): string[] {
  return listNumbers(set).map((number) => NAMES[Number(number)] ?? `capability ${number}`);
}

/** <fcntl.h>; fcntl(2). */
const F_SETFD = 2, FD_CLOEXEC = 1;
const POINTER_BYTES = 8;

/** Closes all but the standard streams on execve(2), so that the user does not inherit root's descriptors. */
function keepStreamsOnly(): void {
  for (const name of listKernelFolder("/proc/self/fd")) {
    if (Number(name) > 2) libc().fcntl(Number(name), F_SETFD, FD_CLOEXEC);
  }
}

/** Prepares the arguments of execve(2) in advance, so that the last steps allocate nothing. */
function prepareExecve({ path, args, env }: ProgramImage): () => void {
  const { execve } = libc();
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const texts = [path, ...args, ...variables].map(encodeCString);
  // one block, kept alive by the call
  const block = new Uint8Array(texts.reduce((bytes, text) => bytes + text.length, 0));
  const start = Deno.UnsafePointer.value(Deno.UnsafePointer.of(block));
  let offset = 0;
  const addresses = texts.map((text) => {
    block.set(text, offset);
    const address = start + BigInt(offset);
    offset += text.length;
    return address;
  });
  const argv = makePointers(addresses.slice(0, 1 + args.length));
  const envp = makePointers(addresses.slice(1 + args.length));
  return () => void execve(block, argv, envp);
}

/** Returns an array of pointers with a final null. */
function makePointers(addresses: readonly bigint[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array((addresses.length + 1) * POINTER_BYTES);
  new BigUint64Array(bytes.buffer).set(addresses);
  return bytes;
}

/** Privileges of one thread; proc_pid_status(5). */
interface ThreadRights {
  readonly thread: number;
  /** Real, effective, saved and file system user ids. */
  readonly users: readonly number[];
  readonly groupIds: readonly number[];
  /** Supplementary groups, sorted. */
  readonly groups: readonly number[];
  readonly noNewPrivileges: boolean;
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

/** Reads the privileges of every thread of this process; empty if `/proc` cannot be read. */
function readAllThreadRights(): ThreadRights[] {
  return listKernelFolder("/proc/self/task").flatMap((thread) => {
    const status = readProcFile(`/proc/self/task/${thread}/status`);
    // a thread may have ended meanwhile
    return status === undefined ? [] : [parseStatus(Number(thread), status)];
  });
}

function readRealUser(pid: number): number | undefined {
  const status = readProcFile(`/proc/${pid}/status`);
  return status === undefined ? undefined : parseStatus(pid, status).users[0];
}

function parseStatus(thread: number, status: string): ThreadRights {
  const field = (name: string) => {
    const text = new RegExp(`^${name}:(.*)$`, "m").exec(status)?.[1];
    // a missing field must not count as harmless
    if (text === undefined) throw new Error(`Cannot find ${name} in the status of a thread`);
    return text.trim();
  };
  const numbers = (name: string) => field(name).split(/\s+/).filter(Boolean).map(Number);
  const set = (name: string) => BigInt(`0x${field(name)}`);
  return {
    thread,
    users: numbers("Uid"),
    groupIds: numbers("Gid"),
    groups: numbers("Groups").sort((a, b) => a - b),
    noNewPrivileges: field("NoNewPrivs") === "1",
    inheritable: set("CapInh"),
    permitted: set("CapPrm"),
    effective: set("CapEff"),
    bounding: set("CapBnd"),
    ambient: set("CapAmb"),
  };
}

/** <linux/prctl.h>; prctl(2), PR_CAP_AMBIENT(2const). */
const PR_SET_KEEPCAPS = 8, PR_CAPBSET_DROP = 24, PR_SET_NO_NEW_PRIVS = 38, PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_RAISE = 2n, PR_CAP_AMBIENT_CLEAR_ALL = 4n;

/** <linux/keyctl.h>; keyctl(2), KEYCTL_JOIN_SESSION_KEYRING(2const). */
const KEYCTL_JOIN_SESSION_KEYRING = 1;
/** <asm-generic/errno-base.h>, <asm-generic/errno.h>: keys are forbidden or unsupported. */
const EPERM = 1, ENOSYS = 38;

/** <linux/capability.h>; capset(2). */
const LINUX_CAPABILITY_VERSION_3 = 0x20080522;

/** Ids, groups, capabilities, root directory and no_new_privs: credentials(7), capabilities(7), chroot(2). */
export function createLinuxPrivileges(): PrivilegeControl {
  return { isRoot, listDifferences, check, become, userOf: readRealUser };
}

function isRoot(): boolean {
  const threads = readAllThreadRights();
  return threads.length > 0 && threads.every(({ users }) => users.every((user) => user === 0));
}

function listDifferences(rights: ProcessRights): string[] {
  const threads = readAllThreadRights();
  if (threads.length === 0) return ["/proc cannot be read"];
  const { rootFolder } = rights;
  const found = threads.flatMap((thread) => listDifferencesOf(thread, rights));
  if (rootFolder !== undefined && !isSameFile(rootFolder, "/")) {
    found.push(`the root directory is not ${rootFolder}`);
  }
  if (found.length === 0 && canBeRoot(rights)) found.push("the process can regain root");
  return found;
}

function listDifferencesOf(actual: ThreadRights, rights: ProcessRights): string[] {
  const kept = makeCapabilitySet(rights.capabilities ?? []);
  const groups = rights.groups.toSorted((a, b) => a - b).join(" ");
  const wrong: string[] = [];
  const expect = (isRight: boolean, what: string) => {
    if (!isRight) wrong.push(`thread ${actual.thread}: ${what}`);
  };
  const { users, groupIds, permitted, effective, inheritable, ambient, bounding } = actual;
  expect(users.every((id) => id === rights.userId), `user ids are ${users.join(" ")}`);
  expect(groupIds.every((id) => id === rights.groupId), `group ids are ${groupIds.join(" ")}`);
  expect(actual.groups.join(" ") === groups, `groups are ${actual.groups.join(" ") || "none"}`);
  expect(actual.noNewPrivileges || !rights.noNewPrivileges, "no_new_privs is not set");
  for (const [name, set] of Object.entries({ permitted, effective, inheritable, ambient })) {
    expect(set === kept, `${name} capabilities are ${describeSet(set)}`);
  }
  if (rights.capabilities !== undefined) {
    expect(bounding === kept, `bounding capabilities are ${describeSet(bounding)}`);
  }
  return wrong;
}

function describeSet(set: bigint): string {
  const names = listNames(set);
  return names.length > 5 ? `${names.length} of them` : names.join(" ") || "none";
}

/** If this succeeds, the start fails and the process exits. */
function canBeRoot({ userId, groupId }: ProcessRights): boolean {
  const { setresuid, setresgid } = libc();
  return userId !== 0 && setresuid(0, 0, 0) === 0 || groupId !== 0 && setresgid(0, 0, 0) === 0;
}

function check(rights: ProcessRights, image: ProgramImage): void {
  const { capabilities, rootFolder } = rights;
  const unknown = capabilities?.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    throw new SentinelError("config.capability", `unknown capability: ${unknown}`);
  }
  const needed = [
    ...["CAP_SETUID", "CAP_SETGID"],
    ...(capabilities === undefined ? [] : ["CAP_SETPCAP", ...capabilities]),
    ...(rootFolder === undefined ? [] : ["CAP_SYS_CHROOT"]),
  ];
  const [{ permitted, effective } = { permitted: 0n, effective: 0n }] = readAllThreadRights();
  const lacking = listNames(makeCapabilitySet(needed) & ~(permitted & effective));
  if (lacking.length > 0) {
    throw makeRefusal(`cannot become user ${rights.userId}: ${lacking.join(", ")} is missing`);
  }
  if (rootFolder !== undefined) checkRootFolder(rootFolder, image);
}

function checkRootFolder(folder: string, image: ProgramImage): void {
  const fault = (why: string) =>
    new SentinelError("config.chroot", `chroot directory cannot be used: ${folder} (${why})`);
  if (isSameFile(folder, "/")) throw fault("it is the root directory already");
  if (!isSameFile(folder, `${folder}/.`)) throw fault("it does not exist or is not a directory");
  const missing = listMissing(folder, image);
  if (missing.length > 0) throw fault(`it lacks ${missing.join(", ")}`);
  if (!containsItself(folder)) throw fault(`it must contain itself as ${folder}${folder}`);
}

function become(rights: ProcessRights, image: ProgramImage): void {
  // opened before chroot(2), after which the same path may name another library
  const symbols = openSymbols();
  const { gettid, setgroups, setresgid, setresuid, prctl } = symbols;
  // of this thread
  const errno = new Deno.UnsafePointerView(symbols.errno_location()!);
  const step = (name: string, result: number) => {
    if (result !== 0) throw makeRefusal(`${name} failed (errno ${errno.getInt32()})`);
  };
  if (gettid() !== Deno.pid) throw makeRefusal("privileges can only be dropped by the main thread");
  const { userId, groupId, groups, capabilities, noNewPrivileges, rootFolder } = rights;
  const kept = makeCapabilitySet(capabilities ?? []);
  const [{ bounding } = { bounding: 0n }] = readAllThreadRights();
  const workingFolder = Deno.cwd();
  const execute = prepareExecve(image);
  keepStreamsOnly();
  if (rootFolder !== undefined) enterRootFolder(rootFolder, { symbols, step });
  for (const number of capabilities === undefined ? [] : listNumbers(bounding & ~kept)) {
    step("PR_CAPBSET_DROP", prctl(PR_CAPBSET_DROP, number, 0n, 0n, 0n));
  }
  step("PR_SET_KEEPCAPS", prctl(PR_SET_KEEPCAPS, kept === 0n ? 0n : 1n, 0n, 0n, 0n));
  step("setgroups", setgroups(BigInt(groups.length), Uint32Array.from(groups)));
  step("setresgid", setresgid(groupId, groupId, groupId));
  step("setresuid", setresuid(userId, userId, userId));
  enterWorkingFolder(workingFolder, { symbols, step });
  leaveKeys({ errno, step });
  keepCapabilities(kept, { symbols, step });
  if (noNewPrivileges) step("PR_SET_NO_NEW_PRIVS", prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n));
  execute();
  const why = `errno ${errno.getInt32()}; it must be accessible to user ${userId}`;
  throw makeRefusal(`${image.path} cannot be executed (${why})`);
}

function openSymbols() {
  const { gettid, setgroups, setresgid, setresuid, prctl, capset, chroot, chdir } = libc();
  const { errno_location, syscall } = libc();
  const ids = { gettid, setgroups, setresgid, setresuid };
  return { ...ids, prctl, capset, chroot, chdir, errno_location, syscall };
}

/** Leaves root's session keyring, which grants root's keys to any user (session-keyring(7)). */
function leaveKeys(
  { errno, step }: Pick<Steps, "step"> & { readonly errno: Deno.UnsafePointerView },
): void {
  const keyring = syscall("keyctl", KEYCTL_JOIN_SESSION_KEYRING, 0);
  // without access to keys there are none to leave
  if (keyring < 0 && ![EPERM, ENOSYS].includes(errno.getInt32())) {
    step("KEYCTL_JOIN_SESSION_KEYRING", -1);
  }
}

interface Steps {
  readonly symbols: ReturnType<typeof openSymbols>;
  /** Throws unless the result is 0. */
  readonly step: (name: string, result: number) => void;
}

function enterRootFolder(folder: string, { symbols: { chroot, chdir }, step }: Steps): void {
  step("chroot", chroot(encodeCString(folder)));
  step("chdir", chdir(encodeCString("/")));
}

/** Returns to the working directory if it is inside the root and accessible to the user. */
function enterWorkingFolder(folder: string, { symbols: { chdir }, step }: Steps): void {
  if (chdir(encodeCString(folder)) !== 0) step("chdir", chdir(encodeCString("/")));
}

/** Sets the ambient set too, the only one that survives execve(2) of a non-root user (capabilities(7)). */
function keepCapabilities(kept: bigint, { symbols: { capset, prctl }, step }: Steps): void {
  step("capset", capset(new Uint32Array([LINUX_CAPABILITY_VERSION_3, 0]), encodeSets(kept)));
  const ambient = (what: bigint, number: bigint) => prctl(PR_CAP_AMBIENT, what, number, 0n, 0n);
  step("PR_CAP_AMBIENT_CLEAR_ALL", ambient(PR_CAP_AMBIENT_CLEAR_ALL, 0n));
  for (const number of listNumbers(kept)) {
    step("PR_CAP_AMBIENT_RAISE", ambient(PR_CAP_AMBIENT_RAISE, number));
  }
}

/** struct __user_cap_data_struct { __u32 effective, permitted, inheritable; }, lower halves first. */
function encodeSets(set: bigint): Uint32Array<ArrayBuffer> {
  const [low, high] = [Number(set & 0xffffffffn), Number(set >> 32n)];
  return new Uint32Array([low, low, low, high, high, high]);
}

function makeRefusal(message: string): SentinelError {
  return new SentinelError("permission.privileges", message);
}
