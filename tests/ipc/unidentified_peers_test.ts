import { assertEquals } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";
import { lateIdentifyingPlatform } from "../support/unidentified_peers.ts";

const REQUEST = '{"method":"get_license"}';

Deno.test("a peer that is identified only after its first byte is identified once, and answered", async () => {
  let asked = 0;
  const platform = lateIdentifyingPlatform((peer) => (asked++, peer));
  await using running = await startServer({ platform });
  using peer = await connectPeer(running.path);
  for (let i = 0; i < 2; i++) {
    await peer.send(REQUEST + "\n");
    assertEquals(await peer.line(), LICENSE_LINE);
  }
  assertEquals(asked, 1);
  assertEquals(running.log.records, []);
});

Deno.test("an unidentified peer that turns out to be another user receives no byte, and is logged only at DEBUG", async () => {
  const platform = lateIdentifyingPlatform(() => ({ user: "S-1-5-18", pid: 4 }));
  await using running = await startServer({ platform });
  assertEquals(await ask(running.path, REQUEST), undefined);
  const { connections_accepted, connections_refused } = running.server.counters();
  assertEquals([connections_accepted, connections_refused], [0, 1]);
  const [{ level, message } = {}] = running.log.records;
  assertEquals([level, message], ["debug", "ipc connection refused: uid S-1-5-18, pid 4"]);
});

Deno.test("a peer that stays unidentified receives no byte", async () => {
  await using running = await startServer({ platform: lateIdentifyingPlatform(() => undefined) });
  assertEquals(await ask(running.path, REQUEST), undefined);
  const [{ level, message } = {}] = running.log.records;
  const expected = `ipc connection refused: pid ${Deno.pid} hides its user`;
  assertEquals([level, message], ["debug", expected]);
});

Deno.test("unidentified peers count as connections, and have the same timeout as others", async () => {
  const clock = new FakeClock();
  const platform = lateIdentifyingPlatform((peer) => peer);
  await using running = await startServer({ platform, clock, limits: { maxConnections: 2 } });
  using first = await connectPeer(running.path);
  using second = await connectPeer(running.path);
  using third = await connectPeer(running.path);
  assertEquals(await third.line(), undefined);
  await clock.sleepers(1);
  await clock.advance(60_000);
  assertEquals([await first.line(), await second.line()], [undefined, undefined]);
  assertEquals(await ask(running.path, REQUEST), LICENSE_LINE);
});
