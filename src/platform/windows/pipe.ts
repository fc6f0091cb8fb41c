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

export interface Completion {
  /** NTSTATUS. */
  readonly status: number;
  readonly bytes: number;
}

/** OVERLAPPED_ENTRY: key, operation number, status, bytes; IO_STATUS_BLOCK: status, bytes. */
const ENTRY_BYTES = 32, STATUS_BLOCK_BYTES = 16;

const ENTRIES = 64, INFINITE = 0xFFFF_FFFF;
const NO_HANDLE = 0xFFFF_FFFF_FFFF_FFFFn;

/** An unfinished operation; keeps its buffers alive until it ends. */
interface Pending {
  readonly settle: (completion: Completion) => void;
  readonly statusBlock: ArrayBuffer;
  readonly held: ArrayBufferView | undefined;
}

/** Waits for the operations of all handles with one thread, and only while there are any (I/O completion port). */
class CompletionPort {
  #port: bigint | undefined;
  #last = 0n;
  readonly #pending = new Map<bigint, Pending>();
  #isWaiting = false;

  /** Associates a handle with this port. */
  adopt(handle: bigint): void {
    const { CreateIoCompletionPort } = kernel32();
    this.#port ??= CreateIoCompletionPort(NO_HANDLE, 0n, 0n, 1);
    if (this.#port === 0n || CreateIoCompletionPort(handle, this.#port, 0n, 0) === 0n) {
      throw new Error("Cannot create an I/O completion port");
    }
  }

  /**
   * Starts an operation and resolves when it ends; never rejects.
   *
   * @param begin Calls the system with the operation's number (ApcContext) and status block; returns its NTSTATUS.
   * @param held Buffer of the operation, kept alive.
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
      // an immediate failure is not queued to the port
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
        await GetQueuedCompletionStatusEx(this.#port!, entries, ENTRIES, count, INFINITE, 0);
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

const completionPort = new CompletionPort();

/** NT_ERROR: the two highest bits. */
export function isError(status: number): boolean {
  return status >>> 30 === 3;
}

/** Formats a status for people, as in ntstatus.h. */
export function describeStatus(status: number): string {
  return `NTSTATUS 0x${status.toString(16).toUpperCase().padStart(8, "0")}`;
}

/** FSCTL_PIPE_LISTEN, the request of ConnectNamedPipe. */
const PIPE_LISTEN = 0x0011_0008;

/** Statuses of a pipe whose other end is closed. */
const PEER_GONE: readonly number[] = [
  STATUS.PIPE_BROKEN,
  STATUS.PIPE_DISCONNECTED,
  STATUS.PIPE_CLOSING,
  STATUS.END_OF_FILE,
];

/** One end of a named pipe in byte mode; reads and writes like a socket. */
export class Pipe {
  readonly handle: bigint;
  readonly #onClose: () => void;
  #isClosed = false;

  /**
   * @param handle Handle of a pipe opened for overlapped I/O; owned by the object.
   * @param onClose Called once, when the handle is closed.
   */
  constructor(handle: bigint, onClose: () => void = () => {}) {
    this.handle = handle;
    this.#onClose = onClose;
    completionPort.adopt(handle);
  }

  /** After that, another object may have the handle's number. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves with the number of bytes, or `null` if the other end is closed. */
  async read(bytes: Uint8Array<ArrayBuffer>): Promise<number | null> {
    const { NtReadFile } = ntdll();
    for (;;) {
      const { status, bytes: count } = await this.#run(
        (id, block) => NtReadFile(this.handle, 0n, 0n, id, block, bytes, bytes.length, null, null),
        bytes,
      );
      if (PEER_GONE.includes(status)) return null;
      this.#check(status);
      // an empty write by the peer ends a read; ignore it
      if (count > 0 || bytes.length === 0) return count;
    }
  }

  /** Resolves with the number of bytes written. */
  async write(bytes: Uint8Array): Promise<number> {
    const { NtWriteFile } = ntdll();
    const held = bytes as Uint8Array<ArrayBuffer>;
    const { status, bytes: count } = await this.#run(
      (id, block) => NtWriteFile(this.handle, 0n, 0n, id, block, held, held.length, null, null),
      bytes,
    );
    if (PEER_GONE.includes(status)) {
      throw new Deno.errors.BrokenPipe("the other end is closed");
    }
    this.#check(status);
    return count;
  }

  /** Waits for a client; false if the pipe was closed meanwhile. */
  async listen(): Promise<boolean> {
    const { NtFsControlFile } = ntdll();
    const { status } = await this.#run((id, block) =>
      NtFsControlFile(this.handle, 0n, 0n, id, block, PIPE_LISTEN, null, 0, null, 0)
    );
    // a client that has left already counts: the first read reports its end
    if (status === STATUS.PIPE_CONNECTED || status === STATUS.PIPE_CLOSING) return true;
    if (status === STATUS.CANCELLED || this.#isClosed) return false;
    this.#check(status);
    return true;
  }

  /** Returns the client's pid at connect time; 0 if the system does not report it. */
  readClientPid(): number {
    const pid = new Uint32Array(1);
    return kernel32().GetNamedPipeClientProcessId(this.handle, pid) === 0 ? 0 : pid[0]!;
  }

  /** Cancels pending operations; may be called twice. The peer still receives written data. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // cancelled operations still reach the port, which keeps their buffers until then
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
