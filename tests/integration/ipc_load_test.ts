import { assert, assertEquals } from "@std/assert";
import { LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { connectPeer, type SocketPeer } from "../support/socket_peer.ts";
import { HALF_CLOSE, testWith } from "../support/requirements.ts";

const REQUEST = '{"method":"get_license"}';

/** As long as no test lasts: who waits for another peer's deadline is never answered. */
const UNHURRIED = { readTimeoutMs: 86_400_000, writeTimeoutMs: 86_400_000 };

Deno.test("500 silent peers, a slow one and a deaf one hold up nobody, and take little memory", async () => {
  await using running = await startServer({ limits: { ...UNHURRIED, maxConnections: 600 } });
  using peers = new DisposableStack();
  const connect = async () => peers.use(await connectPeer(running.path));
  const peer = await connect();
  assertEquals(await ask(peer), LICENSE_LINE);
  const before = Deno.memoryUsage();

  for (let i = 0; i < 500; i++) await connect();
  const [slow, deaf] = [await connect(), await connect()];
  const flooding = deaf.send(`${REQUEST}\n`.repeat(20_000)).catch(() => {});
  await slow.send("{");
  for (let i = 0; i < 200; i++) assertEquals(await ask(peer), LICENSE_LINE);
  const grownMib = (Deno.memoryUsage().external - before.external) / 2 ** 20;
  peers.dispose();
  await flooding;
  assert(grownMib < 10, `${grownMib} MiB of buffers`);
});

async function ask(peer: SocketPeer): Promise<string | undefined> {
  await peer.send(`${REQUEST}\n`);
  return await peer.line();
}

testWith(
  [HALF_CLOSE],
  "with the default limit the 65th of 500 peers and all later ones are refused, and a freed place is available at once",
  async () => {
    await using running = await startServer();
    using connections = new DisposableStack();
    const connect = async () => connections.use(await connectPeer(running.path));
    const peers: SocketPeer[] = [];
    for (let i = 0; i < 500; i++) peers.push(await connect());
    const turnedAway = await Promise.all(peers.slice(64).map((peer) => peer.line()));
    assertEquals(turnedAway.every((line) => line === undefined), true);
    await peers[0]!.endWriting();
    assertEquals(await peers[0]!.line(), undefined);
    const next = await connect();
    await next.send('{"method":"health"}\n');
    assertEquals(await next.line(), '{"status":"ok"}');
  },
);
