import { systemClock } from "../../src/core/clock.ts";
import type { LocalConn, LocalListener } from "../../src/platform/local_socket.ts";
import { selectPlatform } from "../../src/platform/select.ts";

const UTF8 = new TextEncoder();

/** The other end of a socket, for tests: writes bytes, reads lines and frames. */
export interface SocketPeer extends Disposable {
  readonly conn: LocalConn;
  send(data: string | Uint8Array): Promise<void>;
  /** Says that nothing follows; not on pipes. */
  endWriting(): Promise<void>;
  /** The next line without its end; what is left at the end of the stream; undefined behind that. */
  line(): Promise<string | undefined>;
  /** Exactly so many bytes, fewer at the end of the stream. */
  bytes(count: number): Promise<Uint8Array>;
  /** Everything until the other side closes; a reset ends it too. */
  rest(): Promise<string>;
}

export async function connectPeer(path: string): Promise<SocketPeer> {
  return peerOn(await connectLocal(path));
}

/** Listens without a claim. */
export function listenLocally(path: string): LocalListener {
  const { pipes } = selectPlatform();
  if (pipes === undefined) return Deno.listen({ transport: "unix", path });
  const listener = pipes.listen(path);
  if (listener === undefined) throw new Error(`somebody has the pipe ${path}`);
  return listener;
}

/** Connects, and waits where all of a pipe's instances are taken for the moment. */
export async function connectLocal(path: string): Promise<LocalConn> {
  const { pipes } = selectPlatform();
  if (pipes === undefined) return await Deno.connect({ transport: "unix", path });
  for (;;) {
    const connection = pipes.connect(path);
    if (connection.kind === "open") return connection.conn;
    if (connection.kind !== "busy") {
      throw new Error(`Cannot connect to ${path}: ${connection.kind}`);
    }
    await systemClock.sleep(1);
  }
}

function peerOn(conn: LocalConn): SocketPeer {
  let held = new Uint8Array(0);
  // one for all reads: tests look at the memory of this process
  let chunk: Uint8Array<ArrayBuffer> | undefined;
  const more = async (): Promise<boolean> => {
    chunk ??= new Uint8Array(65_536);
    const count = await conn.read(chunk).catch(() => null);
    if (count === null) return false;
    const joined = new Uint8Array(held.length + count);
    joined.set(held);
    joined.set(chunk.subarray(0, count), held.length);
    held = joined;
    return true;
  };
  const take = (count: number, skip = 0): Uint8Array => {
    const taken = held.slice(0, count);
    held = held.slice(count + skip);
    return taken;
  };
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return {
    conn,
    async send(data) {
      let rest = typeof data === "string" ? UTF8.encode(data) : data;
      while (rest.length > 0) rest = rest.subarray(await conn.write(rest));
    },
    endWriting: async () => await (conn as Deno.UnixConn).closeWrite(),
    async line() {
      let at = held.indexOf(0x0a);
      while (at === -1 && await more()) at = held.indexOf(0x0a);
      if (at !== -1) return text(take(at, 1));
      return held.length === 0 ? undefined : text(take(held.length));
    },
    async bytes(count) {
      while (held.length < count && await more());
      return take(count);
    },
    async rest() {
      while (await more());
      return text(take(held.length));
    },
    [Symbol.dispose]: () => conn.close(),
  };
}

/** One request line on a connection of its own; the answer's line. */
export async function ask(path: string, request: string): Promise<string | undefined> {
  using peer = await connectPeer(path);
  await peer.send(request + "\n");
  return await peer.line();
}
