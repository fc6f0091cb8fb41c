/** Names of capabilities at their numbers, <linux/capability.h>. */
const NAMES: readonly string[] = [
  ...["CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID"],
  ...["SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW"],
  ...["IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT"],
  ...["SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD"],
  ...["LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG"],
  ...["WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE"],
].map((name) => `CAP_${name}`);

/** The number of a capability; `undefined` where there is none of this name. */
export function capabilityNumber(name: string): number | undefined {
  const number = NAMES.indexOf(name);
  return number < 0 ? undefined : number;
}

/** A set with a bit for each capability that is named, as the kernel writes it. */
export function capabilitySet(names: readonly string[]): bigint {
  return names.reduce((set, name) => set | 1n << BigInt(NAMES.indexOf(name)), 0n);
}

/** The numbers of the capabilities in a set. */
export function numbersIn(set: bigint): bigint[] {
  const numbers: bigint[] = [];
  for (let number = 0n; set >> number > 0n; number++) {
    if ((set >> number & 1n) === 1n) numbers.push(number);
  }
  return numbers;
}

/** The names in a set; a capability that is newer than the list has its number. */
export function namesOf(set: bigint): string[] {
  return numbersIn(set).map((number) => NAMES[Number(number)] ?? `capability ${number}`);
}
