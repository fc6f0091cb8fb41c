/** Longest wait for connections that the server's system does not take up. */
const PATIENCE_MS = 3_000;

/** Connections that are opened at once: a client takes one for open that the server's full queue has dropped. */
const AT_ONCE = 4;

/** Idle connections that hold a server's descriptors, until they are closed. */
export class ConnectionFlood implements Disposable {
  readonly #conns: Deno.Conn[] = [];
  readonly #waiting = new AbortController();

  /**
   * Opens about so many; one that is refused, or not taken up in time, as the server has no room, is one less. Each sends the
   * text.
   */
  static async open(
    connect: (signal: AbortSignal) => Promise<Deno.Conn>,
    count: number,
    text = "",
  ): Promise<ConnectionFlood> {
    const flood = new ConnectionFlood();
    const bytes = new TextEncoder().encode(text);
    const { signal } = flood.#waiting;
    for (let opened = 0; opened < count && !signal.aborted; opened += AT_ONCE) {
      const timer = setTimeout(() => flood.#waiting.abort(), PATIENCE_MS);
      const some = Array.from({ length: AT_ONCE }, () => flood.#add(connect, bytes));
      await Promise.allSettled(some);
      clearTimeout(timer);
    }
    return flood;
  }

  async #add(
    connect: (signal: AbortSignal) => Promise<Deno.Conn>,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const conn = await connect(this.#waiting.signal);
    this.#conns.push(conn);
    if (bytes.length > 0) await conn.write(bytes);
  }

  [Symbol.dispose](): void {
    for (const conn of this.#conns.splice(0)) conn.close();
  }
}

/** Connects over TCP, for a flood. */
export function connectTo(port: number): (signal: AbortSignal) => Promise<Deno.Conn> {
  return (signal) => Deno.connect({ hostname: "127.0.0.1", port, signal });
}

/** A wrapper that gives a program so many descriptors, which the runtime cannot raise. */
export function withDescriptors(count: number): string[] {
  return ["sh", "-c", `ulimit -n ${count} && exec "$@"`, "sh"];
}
