/** What a network does while it is cut. */
export type Cut =
  /** New and existing connections are cut at once. */
  | { readonly how: "refuse" }
  /** Nothing arrives, without notice; data arrives when the halt is over. */
  | { readonly how: "halt" }
  /** Connections are cut after this many more bytes. */
  | { readonly how: "break"; readonly afterBytes: number };

const READ_BYTES = 16 * 1024;

/** A port of loopback that leads to another one, and may be cut. */
export class CuttableNetwork implements AsyncDisposable {
  readonly #listener: Deno.TcpListener;
  readonly #targetPort: number;
  readonly #connections = new Set<Deno.TcpConn>();
  readonly #accepting: Promise<void>;
  #cuts: Cut[] = [];
  #bytesLeft = Infinity;
  #isHalted = false;
  #gate = openGate();

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.#listener.addr.port;
  }

  /** Cuts it; the function that it returns ends this cut, others may hold on. */
  cut(cut: Cut): () => void {
    this.#cuts.push(cut);
    this.#obey();
    return () => {
      this.#cuts = this.#cuts.filter((other) => other !== cut);
      this.#obey();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    this.#hangUp();
    this.#gate.resolve();
    await this.#accepting;
  }

  get #isRefusing(): boolean {
    return this.#bytesLeft <= 0 || this.#cuts.some(({ how }) => how === "refuse");
  }

  #obey(): void {
    const breaks = this.#cuts.filter((cut) => cut.how === "break");
    this.#bytesLeft = Math.min(...breaks.map(({ afterBytes }) => afterBytes));
    if (this.#isRefusing) this.#hangUp();
    const isHalted = this.#cuts.some(({ how }) => how === "halt");
    // the gate that holds a waiter must also release it
    if (isHalted && !this.#isHalted) this.#gate = Promise.withResolvers();
    if (!isHalted) this.#gate.resolve();
    this.#isHalted = isHalted;
  }

  #hangUp(): void {
    for (const connection of this.#connections) close(connection);
    this.#connections.clear();
  }

  async #accept(): Promise<void> {
    const serving = new Set<Promise<void>>();
    for await (const client of this.#listener) {
      const served = this.#serve(client).finally(() => serving.delete(served));
      serving.add(served);
    }
    await Promise.all(serving);
  }

  async #serve(client: Deno.TcpConn): Promise<void> {
    if (this.#isRefusing) return close(client);
    this.#connections.add(client);
    const server = await connect(this.#targetPort);
    if (server === undefined) return this.#forget(client);
    if (!this.#connections.has(client)) return close(server);
    this.#connections.add(server);
    await Promise.all([this.#pump(client, server), this.#pump(server, client)]);
    this.#forget(client);
    this.#forget(server);
  }

  /** Closing one end closes the other: no protocol here survives a half-close. */
  async #pump(from: Deno.TcpConn, to: Deno.TcpConn): Promise<void> {
    const buffer = new Uint8Array(READ_BYTES);
    try {
      for (;;) {
        const length = await from.read(buffer);
        if (length === null) break;
        await this.#gate.promise;
        await writeAll(to, buffer.subarray(0, Math.min(length, this.#bytesLeft)));
        this.#bytesLeft -= length;
        if (this.#bytesLeft <= 0) this.#hangUp();
      }
    } catch {
      // cut off, by us or by them
    }
    this.#forget(from);
    this.#forget(to);
  }

  #forget(connection: Deno.TcpConn): void {
    this.#connections.delete(connection);
    close(connection);
  }
}

function openGate(): PromiseWithResolvers<void> {
  const gate = Promise.withResolvers<void>();
  gate.resolve();
  return gate;
}

async function connect(port: number): Promise<Deno.TcpConn | undefined> {
  try {
    return await Deno.connect({ hostname: "127.0.0.1", port });
  } catch {
    return undefined;
  }
}

async function writeAll(to: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await to.write(rest));
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
