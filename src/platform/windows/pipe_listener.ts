import { advapi32 } from "../../../ffi/advapi32.ts";
import { kernel32 } from "../../../ffi/kernel32.ts";
import { ntdll } from "../../../ffi/ntdll.ts";
import { encodeWide, makeObjectAttributes } from "./handles.ts";
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

/** Prefix of every pipe's name. */
export const PIPE_PREFIX = "\\\\.\\pipe\\";

/** winnt.h and ntifs.h. */
const GENERIC_READ = 0x8000_0000, GENERIC_WRITE = 0x4000_0000, SYNCHRONIZE = 0x0010_0000;
const SHARE_READ_AND_WRITE = 3, OPEN = 1, CREATE = 2;
const REJECT_REMOTE_CLIENTS = 2, BYTE_STREAM = 0, QUEUE = 0;
const SDDL_REVISION = 1;

/** No limit for instances; buffer size in each direction. */
const UNLIMITED_INSTANCES = 0xFFFF_FFFF, QUOTA_BYTES = 64 * 1024;

/** FILE_GENERIC_READ and FILE_GENERIC_WRITE without FILE_CREATE_PIPE_INSTANCE: allows connecting, not serving. */
const CLIENT_RIGHTS = "0x12019b";

/** 50 ms in units of 100 ns, negative for relative; default of clients that wait for an instance. */
const DEFAULT_TIMEOUT = -500_000n;

interface PipeOpening {
  /** NTSTATUS. */
  readonly status: number;
  /** Valid unless the status is an error. */
  readonly handle: bigint;
}

/**
 * Creates a local instance of a pipe. The first one creates the pipe for this SID and the system only, and fails if the name
 * is taken; later ones join it.
 */
function createPipe(
  name: string,
  { sid, isFirst }: { sid: string; isFirst: boolean },
): PipeOpening {
  if (!isFirst) return createInstance(name, { disposition: OPEN, descriptor: 0n });
  // full access (GA) lets this user create further instances
  const access = `(A;;${CLIENT_RIGHTS};;;SY)(A;;GA;;;${sid})`;
  using descriptor = createSecurityDescriptor(`O:${sid}D:P${access}`);
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
    makeObjectAttributes(toNativeName(name), { descriptor }),
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

function openPipe(name: string): PipeOpening {
  const handle = new BigUint64Array(1);
  const access = GENERIC_READ + GENERIC_WRITE + SYNCHRONIZE;
  const attributes = makeObjectAttributes(toNativeName(name), { descriptor: 0n });
  const status = ntdll().NtCreateFile(
    ...[handle, access, attributes, new ArrayBuffer(16), null, 0, SHARE_READ_AND_WRITE] as const,
    ...[OPEN, 0, null, 0] as const,
  );
  return { status, handle: handle[0]! };
}

function toNativeName(name: string): string {
  return `\\??\\pipe\\${name.slice(PIPE_PREFIX.length)}`;
}

function createSecurityDescriptor(sddl: string): Disposable & { readonly address: bigint } {
  const address = new BigUint64Array(1);
  const { ConvertStringSecurityDescriptorToSecurityDescriptorW: convert } = advapi32();
  if (convert(encodeWide(sddl), SDDL_REVISION, address, null) === 0) {
    throw new Error(`Cannot create the security descriptor ${sddl}`);
  }
  return { address: address[0]!, [Symbol.dispose]: () => void kernel32().LocalFree(address[0]!) };
}

/** Number of instances that wait for clients. */
const WAITING = 8;

/** Limit for connected clients that are not yet accepted. */
const BACKLOG = 64;

/** Reads the user of a pipe's client; `undefined` if the system does not report it, or not yet. */
type SidReader = (pipe: bigint) => string | undefined;

class PipeListener implements LocalListener, AcceptedPeers {
  readonly #sid = readOwnSid();
  readonly #readSid: SidReader;
  /** Connected instances that are not yet accepted. */
  readonly #arrived: Pipe[] = [];
  #wanted: PromiseWithResolvers<Pipe> | undefined;
  readonly #waiting = new Set<Pipe>();
  /** Open instances, including accepted ones. While there is one, this process owns the name. */
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
   * Identifies the last client by the token that the kernel captured at connect time. For a client with
   * SECURITY_DYNAMIC_TRACKING (the default) the token comes with its data, and is missing until that is read.
   */
  identify(): PeerCredentials | UnidentifiedPeer | undefined {
    const pipe = this.#last;
    if (pipe === undefined) return undefined;
    const pid = pipe.readClientPid();
    const identify = () => {
      const user = pipe.isClosed ? undefined : this.#readSid(pipe.handle);
      return user === undefined ? undefined : { user, pid };
    };
    return identify() ?? { pid, identify };
  }

  pin(): PinnedPeer | undefined {
    return this.#last && pinProcess(this.#last.readClientPid());
  }

  close(): void {
    this.#isClosed = true;
    for (const pipe of [...this.#waiting, ...this.#arrived]) pipe.close();
    this.#endIfDone();
  }

  /**
   * Adds waiting instances up to the limits.
   *
   * @throws {Error} The system creates none and no other instance is left.
   */
  #fill(): void {
    while (
      this.#waiting.size < WAITING && this.#waiting.size + this.#arrived.length < BACKLOG
    ) {
      const isFirst = this.#instances === 0;
      const { status, handle } = createPipe(this.name, { sid: this.#sid, isFirst });
      if (!isError(status)) this.#wait(handle);
      else if (this.#waiting.size + this.#arrived.length > 0) return;
      else throw makeListenError(this.name, status);
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

  /** As {@linkcode #fill}, without errors; the next accept() tries again and reports them. */
  #refill(): void {
    try {
      this.#fill();
    } catch {
      // accept() reports it
    }
  }

  /** Rejects a pending accept() if no instance waits; the next accept() tries again. */
  #fail(error: unknown): void {
    if (this.#isClosed || this.#waiting.size > 0) return;
    this.#wanted?.reject(error);
    this.#wanted = undefined;
  }

  /** Rejects accept() once the system has released all waiting instances. */
  #endIfDone(): void {
    if (this.#waiting.size > 0) return;
    this.#ended.resolve();
    this.#wanted?.reject(new Deno.errors.Interrupted("the pipe was closed"));
    this.#wanted = undefined;
  }
}

/**
 * Creates a pipe that only this user can open; `undefined` if another process has one of this name.
 *
 * @param readSid Replaces the way to read a client's user in tests.
 */
export function listenOnPipe(
  name: string,
  readSid: SidReader = readClientSid,
): PipeListener | undefined {
  const { status, handle } = createPipe(name, { sid: readOwnSid(), isFirst: true });
  if (NAME_TAKEN.includes(status)) return undefined;
  if (isError(status)) throw makeListenError(name, status);
  return new PipeListener(name, { first: handle, readSid });
}

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

const NAME_TAKEN: readonly number[] = [
  STATUS.ACCESS_DENIED,
  STATUS.NAME_COLLISION,
  STATUS.INSTANCE_NOT_AVAILABLE,
];

function makeListenError(name: string, status: number): Error {
  return new Error(`Cannot listen on ${name}: ${describeStatus(status)}`);
}
