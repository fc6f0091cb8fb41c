import { assert, assertEquals } from "@std/assert";
import { FakeClock } from "../support/fake_clock.ts";
import { LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";
import { HALF_CLOSE, testWith } from "../support/requirements.ts";

const HEALTH = '{"method":"health"}';
const OK = '{"status":"ok"}';

/** An answer can reach its peer before the server hears that it was written, in time that a test lets pass. */
const UNHURRIED = { writeTimeoutMs: 0 };

Deno.test("a silent peer is cut off after the read timeout", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock });
  using peer = await connectPeer(running.path);
  await clock.sleepers(1);
  await clock.advance(59_999);
  assertEquals(await ask(running.path, HEALTH), OK);
  await clock.advance(1);
  assertEquals(await peer.line(), undefined);
});

Deno.test("a byte a second does not prolong the time for a message", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock });
  using peer = await connectPeer(running.path);
  await clock.sleepers(1);
  await clock.advance(30_000);
  await peer.send("{");
  assertEquals(await ask(running.path, HEALTH), OK);
  for (let i = 0; i < 59; i++) {
    await clock.advance(1000);
    await peer.send(" ");
  }
  assertEquals(await ask(running.path, HEALTH), OK);
  await clock.advance(1000);
  assertEquals(await peer.rest(), "");
});

Deno.test("time between messages counts only with an idle timeout", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock, limits: UNHURRIED });
  using peer = await connectPeer(running.path);
  await peer.send(HEALTH + "\n");
  assertEquals(await peer.line(), OK);
  await clock.advance(10 * 3_600_000);
  await peer.send(HEALTH + "\n");
  assertEquals(await peer.line(), OK);
});

Deno.test("a message that begins after hours of silence has the normal timeout", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock, limits: UNHURRIED });
  using peer = await connectPeer(running.path);
  await peer.send(HEALTH + "\n");
  assertEquals(await peer.line(), OK);
  await clock.advance(3 * 3_600_000);
  await peer.send('{"method":');
  await clock.sleepers(1);
  await clock.advance(59_999);
  await clock.sleepers(1);
  await clock.advance(1);
  assertEquals(await peer.rest(), "");
});

Deno.test("an idle timeout closes an idle connection, but not a watching one", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock, limits: { idleTimeoutMs: 1000 } });
  using idle = await connectPeer(running.path);
  await idle.send(HEALTH + "\n");
  assertEquals(await idle.line(), OK);
  using watcher = await connectPeer(running.path);
  await watcher.send('{"method":"watch"}\n');
  assertEquals(await watcher.line(), OK);
  await clock.advance(1000);
  assertEquals(await idle.line(), undefined);
  running.server.publish({ event: "grace", remaining_seconds: 60 });
  assertEquals(await watcher.line(), '{"event":"grace","remaining_seconds":60}');
});

Deno.test("a peer that never reads is cut off after the write timeout and delays no other", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock });
  using deaf = await connectPeer(running.path);
  let cutOff = false;
  void deaf.send('{"method":"get_license"}\n'.repeat(20_000)).catch(() => cutOff = true);
  assertEquals(await ask(running.path, '{"method":"get_license"}'), LICENSE_LINE);
  assertEquals(cutOff, false);
  while (!cutOff) await clock.advance(5000);
  const heard = await deaf.rest();
  assert(heard.startsWith(LICENSE_LINE) && heard.length < 20_000 * LICENSE_LINE.length);
});

Deno.test("a watcher that does not read is cut off and the others receive events", async () => {
  await using running = await startServer();
  using deaf = await connectPeer(running.path);
  await deaf.send('{"method":"watch"}\n');
  assertEquals(await deaf.line(), OK);
  using watcher = await connectPeer(running.path);
  await watcher.send('{"method":"watch"}\n');
  assertEquals(await watcher.line(), OK);
  const event = { event: "state", padding: "x".repeat(50_000) } as const;
  for (let i = 0; i < 60; i++) {
    running.server.publish(event);
    assertEquals(await watcher.line(), JSON.stringify(event));
  }
  assert((await deaf.rest()).length < 60 * 50_000);
});

testWith(
  [HALF_CLOSE],
  "a connection above the maximum is closed at once; a closed one frees its place",
  async () => {
    await using running = await startServer({ limits: { maxConnections: 2 } });
    using first = await connectPeer(running.path);
    await first.send(HEALTH + "\n");
    await first.line();
    {
      using second = await connectPeer(running.path);
      await second.send(HEALTH + "\n");
      assertEquals(await second.line(), OK);
      using third = await connectPeer(running.path);
      assertEquals(await third.line(), undefined);
      await second.endWriting();
      assertEquals(await second.line(), undefined);
    }
    assertEquals(await ask(running.path, HEALTH), OK);
  },
);

Deno.test("close() ends connections that are silent, in the middle of a message, or not reading", async () => {
  const running = await startServer();
  using silent = await connectPeer(running.path);
  using broken = await connectPeer(running.path);
  await broken.send('{"meth');
  using deaf = await connectPeer(running.path);
  const flooded = deaf.send('{"method":"get_license"}\n'.repeat(20_000)).catch(() => {});
  assertEquals(await ask(running.path, HEALTH), OK);
  await running[Symbol.asyncDispose]();
  await flooded;
  assertEquals([await silent.rest(), await broken.rest()], ["", ""]);
});
