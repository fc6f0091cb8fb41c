import { assertEquals, assertRejects } from "@std/assert";
import { CuttableNetwork } from "../../../tools/soak/cuttable_network.ts";

/** Sends back whatever it is sent. */
class Echo implements AsyncDisposable {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #serving = this.#serve();

  get port(): number {
    return this.#listener.addr.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    const answered: Promise<void>[] = [];
    for await (const { readable, writable } of this.#listener) {
      answered.push(readable.pipeTo(writable).catch(() => {}));
    }
    await Promise.all(answered);
  }
}

const connect = ({ port }: CuttableNetwork) => Deno.connect({ hostname: "127.0.0.1", port });

async function ask(connection: Deno.TcpConn, text: string): Promise<string | null> {
  await connection.write(new TextEncoder().encode(text));
  return await hear(connection);
}

async function hear(connection: Deno.TcpConn): Promise<string | null> {
  const buffer = new Uint8Array(100);
  const length = await connection.read(buffer);
  return length === null ? null : new TextDecoder().decode(buffer.subarray(0, length));
}

Deno.test("a network that is not cut carries bytes both ways", async () => {
  await using echo = new Echo();
  await using network = new CuttableNetwork(echo.port);
  using connection = await connect(network);
  assertEquals(await ask(connection, "hello"), "hello");
});

Deno.test("a network that refuses cuts off existing and new connections, until it ends", async () => {
  await using echo = new Echo();
  await using network = new CuttableNetwork(echo.port);
  using before = await connect(network);
  assertEquals(await ask(before, "hello"), "hello");
  const end = network.cut({ how: "refuse" });
  assertEquals(await hear(before), null);
  using during = await connect(network);
  assertEquals(await hear(during), null);
  end();
  using after = await connect(network);
  assertEquals(await ask(after, "hello"), "hello");
});

Deno.test("a network that breaks off passes the given number of bytes", async () => {
  await using echo = new Echo();
  await using network = new CuttableNetwork(echo.port);
  using connection = await connect(network);
  // two thirds of them on the way there
  network.cut({ how: "break", afterBytes: 6 });
  assertEquals(await ask(connection, "abcd"), "ab");
  assertEquals(await hear(connection), null);
});

Deno.test("a network that halts delivers what was sent when the last cut is over", async () => {
  await using echo = new Echo();
  await using network = new CuttableNetwork(echo.port);
  using connection = await connect(network);
  assertEquals(await ask(connection, "hello"), "hello");
  const ends = [network.cut({ how: "halt" }), network.cut({ how: "halt" })];
  let hasArrived = false;
  const answer = ask(connection, "again").then((text) => {
    hasArrived = true;
    return text;
  });
  // another network's answer takes as long as this one's would
  await using other = new CuttableNetwork(echo.port);
  using beside = await connect(other);
  ends[0]!();
  for (let i = 0; i < 20; i++) assertEquals(await ask(beside, "hello"), "hello");
  assertEquals(hasArrived, false);
  ends[1]!();
  assertEquals(await answer, "again");
});

Deno.test("a closed network accepts no connections", async () => {
  await using echo = new Echo();
  const network = new CuttableNetwork(echo.port);
  using connection = await connect(network);
  assertEquals(await ask(connection, "hello"), "hello");
  await network[Symbol.asyncDispose]();
  assertEquals(await hear(connection), null);
  await assertRejects(() => connect(network), Deno.errors.ConnectionRefused);
});
