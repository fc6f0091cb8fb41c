import type {
  AcceptedPeers,
  LocalListener,
  PeerCredentials,
  PinnedPeer,
  PipeConnection,
  UntoldPeer,
} from "./contract.ts";
import { describeStatus, isError, STATUS } from "./windows_completion.ts";
import { Pipe } from "./windows_pipe.ts";
import { createPipe, openPipe } from "./windows_pipe_names.ts";
import { pinProcess } from "./windows_processes.ts";
import { readClientSid, readOwnerSid, readOwnSid } from "./windows_tokens.ts";

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
  identify(): PeerCredentials | UntoldPeer | undefined {
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
