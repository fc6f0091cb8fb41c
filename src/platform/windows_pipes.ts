import type {
  AcceptedPeers,
  LocalListener,
  PeerCredentials,
  PinnedPeer,
  PipeConnection,
} from "./contract.ts";
import { describeStatus, isError, STATUS } from "./windows_completion.ts";
import { Pipe } from "./windows_pipe.ts";
import { createPipe, openPipe } from "./windows_pipe_names.ts";
import { pinProcess } from "./windows_processes.ts";
import { readClientSid, readOwnerSid, readOwnSid } from "./windows_tokens.ts";

/** Instances that wait for a client, so that one is there while another is being served. */
const WAITING = 4;

/** A pipe's name that others may connect to. */
class PipeListener implements LocalListener, AcceptedPeers {
  readonly #sid = readOwnSid();
  /** Instances whose client has come, and who waits for one. */
  readonly #arrived: Pipe[] = [];
  #wanted: PromiseWithResolvers<Pipe> | undefined;
  readonly #waiting = new Set<Pipe>();
  #last: Pipe | undefined;
  #isClosed = false;

  constructor(readonly name: string, first: bigint) {
    this.#wait(new Pipe(first));
    while (this.#waiting.size < WAITING) this.#open();
  }

  async accept(): Promise<Pipe> {
    if (this.#isClosed) throw new Deno.errors.BadResource("the pipe is closed");
    const next = this.#arrived.shift();
    if (next !== undefined) return this.#last = next;
    this.#wanted = Promise.withResolvers();
    return this.#last = await this.#wanted.promise;
  }

  /** Who came last, by the token that the kernel took when he did. */
  identify(): PeerCredentials | undefined {
    const user = this.#last && readClientSid(this.#last.handle);
    return user === undefined ? undefined : { user, pid: this.#last!.clientPid() };
  }

  close(): void {
    this.#isClosed = true;
    for (const pipe of [...this.#waiting, ...this.#arrived]) pipe.close();
    this.#wanted?.reject(new Deno.errors.Interrupted("the pipe was closed"));
  }

  pin(): PinnedPeer | undefined {
    return this.#last && pinProcess(this.#last.clientPid());
  }

  #open(): void {
    const { status, handle } = createPipe(this.name, { sid: this.#sid, isFirst: false });
    if (isError(status)) throw cannotListen(this.name, status);
    this.#wait(new Pipe(handle));
  }

  async #wait(pipe: Pipe): Promise<void> {
    this.#waiting.add(pipe);
    const hasCome = await pipe.listen().catch(() => false);
    this.#waiting.delete(pipe);
    if (this.#isClosed) return pipe.close();
    this.#open();
    if (!hasCome) return pipe.close();
    if (this.#wanted === undefined) this.#arrived.push(pipe);
    else this.#wanted.resolve(pipe);
    this.#wanted = undefined;
  }
}

/** Makes a pipe for this user alone; `undefined` where somebody else has one of this name. */
export function listenOnPipe(name: string): PipeListener | undefined {
  const { status, handle } = createPipe(name, { sid: readOwnSid(), isFirst: true });
  if (TAKEN.includes(status)) return undefined;
  if (isError(status)) throw cannotListen(name, status);
  return new PipeListener(name, handle);
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
