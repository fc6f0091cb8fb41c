import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import type { ProcessIdentity } from "../../core/process.ts";
import type { PinnedPeer } from "../local_socket.ts";
import { isDescendantOf, type ProcessFacts } from "../descent.ts";

/** The status of a process that was killed, as shells write SIGKILL's. */
const KILLED_STATUS = 137;

/** winnt.h. */
const QUERY_LIMITED = 0x1000, SYNCHRONIZE = 0x0010_0000, TERMINATE = 0x1;
const WAIT_TIMEOUT = 258, SNAP_PROCESSES = 0x2, NO_HANDLE = 0xFFFF_FFFF_FFFF_FFFFn;

/** KUSER_SHARED_DATA.BootId (ntddk.h): counted up at every boot, at one address in every process. */
const BOOT_ID_ADDRESS = 0x7FFE_02C4n;

/** PROCESSENTRY32W: its length, then th32ProcessID at 8, th32ParentProcessID at 32, szExeFile at 44. */
const ENTRY_BYTES = 568, PID_AT = 8, PARENT_AT = 32, NAME_AT = 44;

/** From 1601 to 1970, in units of 100 ns, as FILETIME counts. */
const UNIX_EPOCH = 116_444_736_000_000_000n;

/** A process as the system lists it; when it began is asked of it itself. */
export interface SnapshotEntry {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

/** What changes with every boot; 0 where the system counts none. */
export function readBootId(): string {
  const address = Deno.UnsafePointer.create(BOOT_ID_ADDRESS);
  return String(new Deno.UnsafePointerView(address!).getUint32());
}

/** A process that is held: nobody else gets its pid until it is disposed of. */
export class ProcessHandle implements Disposable {
  private constructor(readonly handle: bigint) {}

  /** `undefined` where there is none, or we may not. */
  static open(pid: number, { toTerminate = false } = {}): ProcessHandle | undefined {
    const access = QUERY_LIMITED | SYNCHRONIZE | (toTerminate ? TERMINATE : 0);
    const handle = kernel32().OpenProcess(access, 0, pid);
    return handle === 0n ? undefined : new ProcessHandle(handle);
  }

  isAlive(): boolean {
    return kernel32().WaitForSingleObject(this.handle, 0) === WAIT_TIMEOUT;
  }

  /** Ends it, where it was opened for that; whether it could be. */
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

/** Holds a process; `undefined` where it is gone already. */
export function pinProcess(pid: number): PinnedPeer | undefined {
  return ProcessHandle.open(pid);
}

/** Ends a process that cannot have ended and given its pid away, such as a child of ours; whether it could be. */
export function killProcess(pid: number): boolean {
  using process = ProcessHandle.open(pid, { toTerminate: true });
  return process?.terminate() ?? false;
}

/** What tells a process from later ones with its pid; one that has ended is gone. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  using process = ProcessHandle.open(pid);
  const startTime = process?.isAlive() ? process.startTime : undefined;
  return startTime === undefined ? undefined : { pid, startTime, bootId: readBootId() };
}

export function isDescendant(pid: number, ancestor: ProcessIdentity): boolean {
  const entries = new Map(snapshot().map((entry) => [entry.pid, entry]));
  return isDescendantOf(ancestor, pid, {
    readBootId,
    readProcess(pid): ProcessFacts | undefined {
      const startTime = identifyProcess(pid)?.startTime;
      const parent = entries.get(pid)?.parent;
      // there are no sessions in this sense
      return startTime === undefined || parent === undefined
        ? undefined
        : { parent, startTime, session: 0 };
    },
  });
}

/** Every process that can be seen. */
export function snapshot(): SnapshotEntry[] {
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
