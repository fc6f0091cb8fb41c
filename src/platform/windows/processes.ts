import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import type { ProcessIdentity } from "../../core/process.ts";
import type { PinnedPeer } from "../local_socket.ts";
import { isDescendantOf, type ProcessFacts } from "../descendants.ts";

/** Exit status of a killed process, as shells report SIGKILL. */
const KILLED_STATUS = 137;

/** winnt.h. */
const QUERY_LIMITED = 0x1000, SYNCHRONIZE = 0x0010_0000, TERMINATE = 0x1;
const WAIT_TIMEOUT = 258, SNAP_PROCESSES = 0x2, NO_HANDLE = 0xFFFF_FFFF_FFFF_FFFFn;

/** KUSER_SHARED_DATA.BootId (ntddk.h): a counter of boots, at a fixed address in every process. */
const BOOT_ID_ADDRESS = 0x7FFE_02C4n;

/** PROCESSENTRY32W: its length, then th32ProcessID at 8, th32ParentProcessID at 32, szExeFile at 44. */
const ENTRY_BYTES = 568, PID_AT = 8, PARENT_AT = 32, NAME_AT = 44;

/** 1970 as a FILETIME: units of 100 ns since 1601. */
const UNIX_EPOCH = 116_444_736_000_000_000n;

export interface SnapshotEntry {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** Reads the number of this boot; 0 if the system does not count. */
export function readBootId(): string {
  const address = Deno.UnsafePointer.create(BOOT_ID_ADDRESS);
  return String(new Deno.UnsafePointerView(address!).getUint32());
}

/** An open process; its pid is not reused before disposal. */
export class ProcessHandle implements Disposable {
  private constructor(readonly handle: bigint) {}

  /** Opens a process; `undefined` if it does not exist or access is denied. */
  static open(pid: number, { toTerminate = false } = {}): ProcessHandle | undefined {
    const access = QUERY_LIMITED | SYNCHRONIZE | (toTerminate ? TERMINATE : 0);
    const handle = kernel32().OpenProcess(access, 0, pid);
    return handle === 0n ? undefined : new ProcessHandle(handle);
  }

  isAlive(): boolean {
    return kernel32().WaitForSingleObject(this.handle, 0) === WAIT_TIMEOUT;
  }

  /** Terminates a process opened with `toTerminate`; false on failure. */
  terminate(): boolean {
    return kernel32().TerminateProcess(this.handle, KILLED_STATUS) !== 0;
  }

  /** Microseconds since the Unix epoch. */
  get startTime(): string | undefined {
    const created = new BigUint64Array(1), other = new BigUint64Array(1);
    const isRead = kernel32().GetProcessTimes(this.handle, created, other, other, other) !== 0;
    return isRead ? String((created[0]! - UNIX_EPOCH) / 10n) : undefined;
  }

  [Symbol.dispose](): void {
    ntdll().NtClose(this.handle);
  }
}

export function pinProcess(pid: number): PinnedPeer | undefined {
  return ProcessHandle.open(pid);
}

/** Terminates a process whose pid cannot have been reused, such as a child; false on failure. */
export function killProcess(pid: number): boolean {
  using process = ProcessHandle.open(pid, { toTerminate: true });
  return process?.terminate() ?? false;
}

/** Identifies a process against pid reuse; `undefined` if it has ended. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  using process = ProcessHandle.open(pid);
  const startTime = process?.isAlive() ? process.startTime : undefined;
  return startTime === undefined ? undefined : { pid, startTime, bootId: readBootId() };
}

export function isDescendant(pid: number, ancestor: ProcessIdentity): boolean {
  const entries = new Map(listSnapshot().map((entry) => [entry.pid, entry]));
  return isDescendantOf(ancestor, pid, {
    readBootId,
    readProcess(pid): ProcessFacts | undefined {
      const startTime = identifyProcess(pid)?.startTime;
      const parent = entries.get(pid)?.parent;
      // Windows has no such sessions
      return startTime === undefined || parent === undefined
        ? undefined
        : { parent, startTime, session: 0 };
    },
  });
}

/** Lists all visible processes. */
export function listSnapshot(): SnapshotEntry[] {
  const { CreateToolhelp32Snapshot, Process32FirstW, Process32NextW } = kernel32();
  const handle = CreateToolhelp32Snapshot(SNAP_PROCESSES, 0);
  if (handle === NO_HANDLE) throw new Error("Cannot list processes");
  try {
    const entry = new DataView(new ArrayBuffer(ENTRY_BYTES));
    entry.setUint32(0, ENTRY_BYTES, true);
    const entries: SnapshotEntry[] = [];
    for (let more = Process32FirstW(handle, entry); more !== 0;) {
      entries.push(readEntry(entry));
      more = Process32NextW(handle, entry);
    }
    return entries;
  } finally {
    ntdll().NtClose(handle);
  }
}

function readEntry(entry: DataView<ArrayBuffer>): SnapshotEntry {
  const characters = new Uint16Array(entry.buffer, NAME_AT, (ENTRY_BYTES - NAME_AT) >> 1);
  const end = characters.indexOf(0);
  return {
    pid: entry.getUint32(PID_AT, true),
    parent: entry.getUint32(PARENT_AT, true),
    name: String.fromCharCode(...characters.subarray(0, end === -1 ? undefined : end)),
  };
}
