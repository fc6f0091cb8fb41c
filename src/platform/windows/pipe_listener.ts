import { advapi32 } from "../../../ffi/advapi32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { objectAttributes, wideText } from "./handles.ts";
import type {
  AcceptedPeers,
  LocalListener,
  PeerCredentials,
  PinnedPeer,
  PipeConnection,
  UnidentifiedPeer,
} from "../local_socket.ts";
import { describeStatus, isError, Pipe, STATUS } from "./pipe.ts";
import { pinProcess } from "./processes.ts";
import { readClientSid, readOwnerSid, readOwnSid } from "./tokens.ts";

/** What every named pipe's name begins with. */
export const PIPE_PREFIX = "\\\\.\\pipe\\";

/** winnt.h and ntifs.h. */
const GENERIC_READ = 0x8000_0000, GENERIC_WRITE = 0x4000_0000, SYNCHRONIZE = 0x0010_0000;
const SHARE_READ_AND_WRITE = 3, OPEN = 1, CREATE = 2;
const REJECT_REMOTE_CLIENTS = 2, BYTE_STREAM = 0, QUEUE = 0;
const SDDL_REVISION = 1;

/** As many instances of one pipe as memory has room for, and bytes that either end may be ahead of the other. */
const UNLIMITED_INSTANCES = 0xFFFF_FFFF, QUOTA_BYTES = 64 * 1024;

/** FILE_GENERIC_READ and FILE_GENERIC_WRITE but for FILE_CREATE_PIPE_INSTANCE: enough to connect, not to serve. */
const CLIENT_RIGHTS = "0x12019b";

/** Fifty milliseconds, as a relative time in units of 100 ns; asked for by clients that wait for an instance. */
const DEFAULT_TIMEOUT = -500_000n;

interface PipeOpening {
  /** NTSTATUS. */
  readonly status: number;
  /** Where that is no error. */
  readonly handle: bigint;
}

/**
 * Makes an instance of a pipe, not for other machines. The first makes the pipe, for the user with this SID and the system
 * alone, and fails where there is one of this name; the others join what is there.
 */
function createPipe(
  name: string,
  { sid, isFirst }: { sid: string; isFirst: boolean },
): PipeOpening {
  if (!isFirst) return createInstance(name, { disposition: OPEN, descriptor: 0n });
  // to make further instances, this user needs the right to
  const access = `(A;;${CLIENT_RIGHTS};;;SY)(A;;GA;;;${sid})`;
  using descriptor = securityDescriptor(`O:${sid}D:P${access}`);
  return createInstance(name, { disposition: CREATE, descriptor: descriptor.address });
}

function createInstance(
  name: string,
  { disposition, descriptor }: { disposition: number; descriptor: bigint },
): PipeOpening {
  const handle = new BigUint64Array(1);
  const status = ntdll().NtCreateNamedPipeFile(
    handle,
    GENERIC_READ + GENERIC_WRITE + SYNCHRONIZE,
    objectAttributes(nativeName(name), { descriptor }),
    new ArrayBuffer(16),
    SHARE_READ_AND_WRITE,
    disposition,
    0,
    BYTE_STREAM | REJECT_REMOTE_CLIENTS,
    BYTE_STREAM,
    QUEUE,
    UNLIMITED_INSTANCES,
    QUOTA_BYTES,
    QUOTA_BYTES,
    new BigInt64Array([DEFAULT_TIMEOUT]),
  );
  return { status, handle: handle[0]! };
}

/** Opens the client's end of a pipe. */
function openPipe(name: string): PipeOpening {
  const handle = new BigUint64Array(1);
  const access = GENERIC_READ + GENERIC_WRITE + SYNCHRONIZE;
  const attributes = objectAttributes(nativeName(name), { descriptor: 0n });
  const status = ntdll().NtCreateFile(
    ...[handle, access, attributes, new ArrayBuffer(16), null, 0, SHARE_READ_AND_WRITE] as const,
    ...[OPEN, 0, null, 0] as const,
  );
  return { status, handle: handle[0]! };
}

/** As the kernel itself has it. */
function nativeName(name: string): string {
  return `\\??\\pipe\\${name.slice(PIPE_PREFIX.length)}`;
}

function securityDescriptor(sddl: string): Disposable & { readonly address: bigint } {
  const address = new BigUint64Array(1);
  const { ConvertStringSecurityDescriptorToSecurityDescriptorW: convert } = advapi32();
  if (convert(wideText(sddl), SDDL_REVISION, address, null) === 0) {
    throw new Error(`Cannot make the security descriptor ${sddl}`);
  }
  return { address: address[0]!, [Symbol.dispose]: () => void kernel32().LocalFree(address[0]!) };
}

/** Instances that wait for a client, so that one is there while another is being served. */
const WAITING = 8;

/** Clients that have come and were not accepted; more have to try again. */
const BACKLOG = 64;

/** The user of a pipe's client; `undefined` where the system does not tell, or not yet. */
type SidReader = (pipe: bigint) => string | undefined;

/** A pipe's name that others may connect to. */
class PipeListener implements LocalListener, AcceptedPeers {
  readonly #sid = readOwnSid();
  readonly #readSid: SidReader;
  /** Instances whose client has come, and who waits for one. */
  readonly #arrived: Pipe[] = [];
  #wanted: PromiseWithResolvers<Pipe> | undefined;
  readonly #waiting = new Set<Pipe>();
  /** Instances that are open, those of accepted clients included: while there is one, the name is ours. */
  #instances = 0;
  #last: Pipe | undefined;
  #isClosed = false;
  readonly #ended = Promise.withResolvers<void>();

  constructor(readonly name: string, { first, readSid }: { first: bigint; readSid: SidReader }) {
    this.#readSid = readSid;
    this.#wait(first);
    this.#fill();
  }

  async accept(): Promise<Pipe> {
    if (this.#isClosed) {
      await this.#ended.promise;
      throw new Deno.errors.BadResource("the pipe is closed");
    }
    const next = this.#arrived.shift();
    if (next !== undefined) {
      this.#refill();
      return this.#last = next;
    }
    this.#fill();
    this.#wanted = Promise.withResolvers();
    return this.#last = await this.#wanted.promise;
  }

  /**
   * Who came last, by the token that the kernel took when he did. Of a client that did not ask for that (the default is
   * SECURITY_DYNAMIC_TRACKING) it takes one with what he sends, and has none until that is read.
   */
  identify(): PeerCredentials | UnidentifiedPeer | undefined {
    const pipe = this.#last;
    if (pipe === undefined) return undefined;
    const pid = pipe.clientPid();
    const identify = () => {
      const user = pipe.isClosed ? undefined : this.#readSid(pipe.handle);
      return user === undefined ? undefined : { user, pid };
    };
    return identify() ?? { pid, identify };
  }

  pin(): PinnedPeer | undefined {
    return this.#last && pinProcess(this.#last.clientPid());
  }

  close(): void {
    this.#isClosed = true;
    for (const pipe of [...this.#waiting, ...this.#arrived]) pipe.close();
    this.#endIfDone();
  }

  /**
   * Has instances wait for clients.
   *
   * @throws {Error} where the system makes none, and there is none left that anybody could come to.
   */
  #fill(): void {
    while (
      this.#waiting.size < WAITING && this.#waiting.size + this.#arrived.length < BACKLOG
    ) {
      const isFirst = this.#instances === 0;
      const { status, handle } = createPipe(this.name, { sid: this.#sid, isFirst });
      if (!isError(status)) this.#wait(handle);
      else if (this.#waiting.size + this.#arrived.length > 0) return;
      else throw cannotListen(this.name, status);
    }
  }

  async #wait(handle: bigint): Promise<void> {
    this.#instances++;
    const pipe = new Pipe(handle, () => this.#instances--);
    this.#waiting.add(pipe);
    try {
      if (await pipe.listen()) this.#arrive(pipe);
      else this.#waiting.delete(pipe);
    } catch (error) {
      this.#waiting.delete(pipe);
      pipe.close();
      this.#fail(error);
    }
    if (this.#isClosed) this.#endIfDone();
  }

  #arrive(pipe: Pipe): void {
    this.#waiting.delete(pipe);
    if (this.#isClosed) return pipe.close();
    if (this.#wanted === undefined) this.#arrived.push(pipe);
    else this.#wanted.resolve(pipe);
    this.#wanted = undefined;
    this.#refill();
  }

  /** As {@linkcode #fill}; where that fails, the next accept() tries again, and says so. */
  #refill(): void {
    try {
      this.#fill();
    } catch {
      // said there
    }
  }

  /** Whoever accepts is told once nobody can come; the next accept() tries again. */
  #fail(error: unknown): void {
    if (this.#isClosed || this.#waiting.size > 0) return;
    this.#wanted?.reject(error);
    this.#wanted = undefined;
  }

  /** Who accepts, or would, is told of the end when the system is done with all instances. */
  #endIfDone(): void {
    if (this.#waiting.size > 0) return;
    this.#ended.resolve();
    this.#wanted?.reject(new Deno.errors.Interrupted("the pipe was closed"));
    this.#wanted = undefined;
  }
}

/**
 * Makes a pipe for this user alone; `undefined` where somebody else has one of this name.
 *
 * @param readSid What tells a client's user.
 */
export function listenOnPipe(
  name: string,
  readSid: SidReader = readClientSid,
): PipeListener | undefined {
  const { status, handle } = createPipe(name, { sid: readOwnSid(), isFirst: true });
  if (TAKEN.includes(status)) return undefined;
  if (isError(status)) throw cannotListen(name, status);
  return new PipeListener(name, { first: handle, readSid });
}

/** Connects, without waiting. */
export function connectPipe(name: string): PipeConnection {
  const { status, handle } = openPipe(name);
  switch (status) {
    case STATUS.NAME_NOT_FOUND:
      return { kind: "absent" };
    case STATUS.PIPE_NOT_AVAILABLE:
    case STATUS.INSTANCE_NOT_AVAILABLE:
      return { kind: "busy" };
    case STATUS.ACCESS_DENIED:
      return { kind: "denied" };
  }
  if (isError(status)) throw new Error(`Cannot connect to ${name}: ${describeStatus(status)}`);
  return { kind: "open", conn: new Pipe(handle), owner: readOwnerSid(handle) };
}

const TAKEN: readonly number[] = [
  STATUS.ACCESS_DENIED,
  STATUS.NAME_COLLISION,
  STATUS.INSTANCE_NOT_AVAILABLE,
];

function cannotListen(name: string, status: number): Error {
  return new Error(`Cannot listen on ${name}: ${describeStatus(status)}`);
}
