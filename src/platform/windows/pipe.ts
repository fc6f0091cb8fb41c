import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";

/** ntstatus.h. */
export const STATUS = {
  SUCCESS: 0,
  PENDING: 0x103,
  ACCESS_DENIED: 0xC000_0022,
  NAME_NOT_FOUND: 0xC000_0034,
  NAME_COLLISION: 0xC000_0035,
  INSTANCE_NOT_AVAILABLE: 0xC000_00AB,
  PIPE_NOT_AVAILABLE: 0xC000_00AC,
  PIPE_DISCONNECTED: 0xC000_00B0,
  PIPE_CLOSING: 0xC000_00B1,
  PIPE_CONNECTED: 0xC000_00B2,
  PIPE_EMPTY: 0xC000_00D9,
  CANCELLED: 0xC000_0120,
  PIPE_BROKEN: 0xC000_014B,
  END_OF_FILE: 0xC000_0011,
} as const;

/** What became of an operation. */
export interface Completion {
  /** NTSTATUS. */
  readonly status: number;
  readonly bytes: number;
}

/** OVERLAPPED_ENTRY: key, the operation's own number, a status, the bytes; IO_STATUS_BLOCK: status and bytes. */
const ENTRY_BYTES = 32, STATUS_BLOCK_BYTES = 16;

const ENTRIES = 64, FOREVER = 0xFFFF_FFFF;
const NO_HANDLE = 0xFFFF_FFFF_FFFF_FFFFn;

/** An operation that the system has not ended; what it reads and writes stays where it is until then. */
interface Pending {
  readonly settle: (completion: Completion) => void;
  readonly statusBlock: ArrayBuffer;
  readonly held: ArrayBufferView | undefined;
}

/**
 * Waits for the operations of all handles of this process with one thread, and only while there are any (I/O completion
 * port).
 */
class CompletionPort {
  #port: bigint | undefined;
  #last = 0n;
  readonly #pending = new Map<bigint, Pending>();
  #isWaiting = false;

  /** From now on operations of this handle end here. */
  adopt(handle: bigint): void {
    const { CreateIoCompletionPort } = kernel32();
    this.#port ??= CreateIoCompletionPort(NO_HANDLE, 0n, 0n, 1);
    if (this.#port === 0n || CreateIoCompletionPort(handle, this.#port, 0n, 0) === 0n) {
      throw new Error("Cannot make an I/O completion port");
    }
  }

  /**
   * Begins an operation and resolves when it has ended; never rejects.
   *
   * @param begin Calls the system with the operation's number (ApcContext) and status block; returns what that returns.
   * @param held What it reads or writes.
   */
  run(
    begin: (id: bigint, statusBlock: ArrayBuffer) => number,
    held?: ArrayBufferView,
  ): Promise<Completion> {
    const id = ++this.#last;
    const statusBlock = new ArrayBuffer(STATUS_BLOCK_BYTES);
    const { promise, resolve: settle } = Promise.withResolvers<Completion>();
    this.#pending.set(id, { settle, statusBlock, held });
    const status = begin(id, statusBlock);
    if (isError(status)) {
      // what fails at once does not come to the port
      this.#pending.delete(id);
      settle({ status, bytes: 0 });
    } else if (!this.#isWaiting) this.#wait();
    return promise;
  }

  async #wait(): Promise<void> {
    this.#isWaiting = true;
    const entries = new DataView(new ArrayBuffer(ENTRY_BYTES * ENTRIES));
    const count = new Uint32Array(new ArrayBuffer(4));
    try {
      while (this.#pending.size > 0) {
        const { GetQueuedCompletionStatusEx } = kernel32();
        await GetQueuedCompletionStatusEx(this.#port!, entries, ENTRIES, count, FOREVER, 0);
        for (let i = 0; i < count[0]!; i++) {
          this.#settle(entries.getBigUint64(i * ENTRY_BYTES + 8, true));
        }
        count[0] = 0;
      }
    } finally {
      this.#isWaiting = false;
    }
  }

  #settle(id: bigint): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    const block = new DataView(pending.statusBlock);
    pending.settle({ status: block.getUint32(0, true), bytes: block.getUint32(8, true) });
  }
}

/** The process's one port. */
const completionPort = new CompletionPort();

/** NT_ERROR: the two highest bits. */
export function isError(status: number): boolean {
  return status >>> 30 === 3;
}

/** For people: the number as headers have it. */
export function describeStatus(status: number): string {
  return `NTSTATUS 0x${status.toString(16).toUpperCase().padStart(8, "0")}`;
}

/** FSCTL_PIPE_LISTEN: what ConnectNamedPipe asks for. */
const PIPE_LISTEN = 0x0011_0008;

/** What a peer that is gone leads to. */
const LICENSE_ERRORS: readonly number[] = [
  STATUS.PIPE_BROKEN,
  STATUS.PIPE_DISCONNECTED,
  STATUS.PIPE_CLOSING,
  STATUS.END_OF_FILE,
];

/** One end of a named pipe, in byte mode; reads and writes like a socket. */
export class Pipe {
  readonly handle: bigint;
  readonly #onClose: () => void;
  #isClosed = false;

  /**
   * @param handle Of a pipe that was opened for overlapped I/O; owned from now on.
   * @param onClose Called once, when the handle is closed.
   */
  constructor(handle: bigint, onClose: () => void = () => {}) {
    this.handle = handle;
    this.#onClose = onClose;
    completionPort.adopt(handle);
  }

  /** Behind that the handle's number may be another's. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves with the number of bytes, or `null` where the other end is closed. */
  async read(bytes: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { NtReadFile } = ntdll();
    for (;;) {
      const { status, bytes: count } = await this.#run(
        (id, block) => NtReadFile(this.handle, 0n, 0n, id, block, bytes, bytes.length, null, null),
        bytes,
      );
      if (LICENSE_ERRORS.includes(status)) return null;
      this.#check(status);
      // a write of no bytes ends a read, too, and says nothing
      if (count > 0 || bytes.length === 0) return count;
    }
  }

  /** Resolves with the number of bytes once they are written. */
  async write(bytes: Uint8Array): Promise<number> {
    const { NtWriteFile } = ntdll();
    const held = bytes as Uint8Array<ArrayBuffer>;
    const { status, bytes: count } = await this.#run(
      (id, block) => NtWriteFile(this.handle, 0n, 0n, id, block, held, held.length, null, null),
      bytes,
    );
    if (LICENSE_ERRORS.includes(status)) {
      throw new Deno.errors.BrokenPipe("the other end is closed");
    }
    this.#check(status);
    return count;
  }

  /** Resolves when a client has come; false where the pipe was closed meanwhile. */
  async listen(): Promise<boolean> {
    const { NtFsControlFile } = ntdll();
    const { status } = await this.#run((id, block) =>
      NtFsControlFile(this.handle, 0n, 0n, id, block, PIPE_LISTEN, null, 0, null, 0)
    );
    // a client that came and went is one, too: its end shows at the first read
    if (status === STATUS.PIPE_CONNECTED || status === STATUS.PIPE_CLOSING) return true;
    if (status === STATUS.CANCELLED || this.#isClosed) return false;
    this.#check(status);
    return true;
  }

  /** The process at the other end, as it said when it came; 0 where the system does not tell. */
  clientPid(): number {
    const pid = new Uint32Array(1);
    return kernel32().GetNamedPipeClientProcessId(this.handle, pid) === 0 ? 0 : pid[0]!;
  }

  /** Ends what is under way; may be called twice. The other end still gets what was written. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // what was under way still comes to the port, which keeps its memory until then
    ntdll().NtCancelIoFileEx(this.handle, null, new ArrayBuffer(16));
    ntdll().NtClose(this.handle);
    this.#onClose();
  }

  #run(
    begin: (id: bigint, statusBlock: ArrayBuffer) => number,
    held?: ArrayBufferView,
  ): Promise<Completion> {
    if (this.#isClosed) throw new Deno.errors.BadResource("the pipe is closed");
    return completionPort.run(begin, held);
  }

  #check(status: number): void {
    if (status === STATUS.CANCELLED || this.#isClosed) {
      throw new Deno.errors.Interrupted("the pipe was closed");
    }
    if (isError(status)) throw new Error(`Cannot use the pipe: ${describeStatus(status)}`);
  }
}
