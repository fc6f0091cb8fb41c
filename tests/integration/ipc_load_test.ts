import { assert, assertEquals } from "@std/assert";
import { startServer } from "../support/ipc_server.ts";
import { connectPeer, type SocketPeer } from "../support/socket_peer.ts";
import { HALF_CLOSE, testWith } from "../support/requirements.ts";

const REQUEST = '{"method":"get_license"}\n';

/** Milliseconds that an answer takes, at the median of 200. */
async function medianMs(peer: SocketPeer): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < 200; i++) {
    const start = performance.now();
    await peer.send(REQUEST);
    await peer.line();
    samples.push(performance.now() - start);
  }
  return samples.sort((a, b) => a - b)[100]!;
}

Deno.test("500 silent peers, a slow one and a deaf one delay another by less than 5 ms, and take little memory", async () => {
  await using running = await startServer({ limits: { maxConnections: 600 } });
  using peer = await connectPeer(running.path);
  const aloneMs = await medianMs(peer);
  const before = Deno.memoryUsage();

  const silent: SocketPeer[] = [];
  for (let i = 0; i < 500; i++) silent.push(await connectPeer(running.path));
  using slow = await connectPeer(running.path);
  using deaf = await connectPeer(running.path);
  const flooding = deaf.send(REQUEST.repeat(20_000)).catch(() => {});
  await slow.send("{");
  const crowdedMs = await medianMs(peer);
  const after = Deno.memoryUsage();
  for (const other of silent) other.conn.close();
  await running.server.close();
  await flooding;

  assert(crowdedMs - aloneMs < 5, `${aloneMs} ms alone, ${crowdedMs} ms in the crowd`);
  const grownMib = (after.external - before.external) / 2 ** 20;
  assert(grownMib < 10, `${grownMib} MiB of buffers`);
});

testWith(
  [HALF_CLOSE],
  "with the usual limit the 65th of 500 peers and all behind it are turned away, and a place is free again at once",
  async () => {
    await using running = await startServer();
    const peers: SocketPeer[] = [];
    for (let i = 0; i < 500; i++) peers.push(await connectPeer(running.path));
    const turnedAway = await Promise.all(peers.slice(64).map((peer) => peer.line()));
    assertEquals(turnedAway.every((line) => line === undefined), true);
    await peers[0]!.endWriting();
    assertEquals(await peers[0]!.line(), undefined);
    using next = await connectPeer(running.path);
    await next.send('{"method":"health"}\n');
    assertEquals(await next.line(), '{"status":"ok"}');
    for (const peer of peers) peer.conn.close();
  },
);
