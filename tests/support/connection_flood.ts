/** Idle connections that hold a server's descriptors, until they are closed. */
export class ConnectionFlood implements Disposable {
  readonly #conns: Deno.Conn[] = [];

  /** Opens so many; one that is refused, as the server has no room, is one less. */
  static async open(connect: () => Promise<Deno.Conn>, count: number): Promise<ConnectionFlood> {
    const flood = new ConnectionFlood();
    for (let i = 0; i < count; i++) {
      const conn = await connect().catch(() => undefined);
      if (conn !== undefined) flood.#conns.push(conn);
    }
    return flood;
  }

  [Symbol.dispose](): void {
    for (const conn of this.#conns.splice(0)) conn.close();
  }
}

/** A wrapper that gives a program so many descriptors, which the runtime cannot raise. */
export function withDescriptors(count: number): string[] {
  return ["sh", "-c", `ulimit -n ${count} && exec "$@"`, "sh"];
}
