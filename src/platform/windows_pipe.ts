import { kernel32 } from "../../ffi/kernel32.ts";
import { ntdll } from "../../ffi/ntdll.ts";
import {
  type Completion,
  completionPort,
  describeStatus,
  isError,
  STATUS,
} from "./windows_completion.ts";

/** FSCTL_PIPE_LISTEN: what ConnectNamedPipe asks for. */
const PIPE_LISTEN = 0x0011_0008;

/** What a peer that is gone leads to. */
const ENDINGS: readonly number[] = [
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
      if (ENDINGS.includes(status)) return null;
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
    if (ENDINGS.includes(status)) throw new Deno.errors.BrokenPipe("the other end is closed");
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
