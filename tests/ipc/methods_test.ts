import { assert, assertEquals } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { encodeFrame, FRAME_HEADER_BYTES, readFrameHeader } from "../../src/ipc/framing.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LICENSE, LICENSE_LINE, startServer } from "../support/ipc_server.ts";
import { seededRandom } from "../support/seeded_random.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";

const OK = '{"status":"ok"}';
const EMPTY_LICENSE_LINE = `{"status":"ok","license":${
  JSON.stringify({ ...LICENSE, features: {} })
}}`;
const request = (method: string) => `{"method":"${method}"}`;
const refusal = (error: string) => JSON.stringify({ status: "error", error });

Deno.test("status returns the current result of its callback", async () => {
  let pid = 1;
  await using running = await startServer({ status: () => ({ state: "running", pid: pid++ }) });
  const line = (pid: number) => `{"status":"ok","state":"running","pid":${pid}}`;
  assertEquals(await ask(running.path, request("status")), line(1));
  assertEquals(await ask(running.path, request("status")), line(2));
});

Deno.test("status returns an error if its callback fails, and the connection stays open", async () => {
  await using running = await startServer({
    status: () => {
      throw new TypeError("secret detail");
    },
  });
  using peer = await connectPeer(running.path);
  await peer.send(`${request("status")}\n${request("health")}\n`);
  assertEquals([await peer.line(), await peer.line()], [refusal("internal error"), OK]);
  assertEquals(running.log.records[0]?.level, "error");
});

Deno.test("a watcher receives every event after the answer, including a new license", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  running.server.publish({ event: "state", state: "too early" });
  await peer.send('{"method":"watch","id":1}\n');
  assertEquals(await peer.line(), '{"status":"ok","id":1}');
  running.server.setLicense({ ...LICENSE, license_key: "KEY-2" });
  running.server.publish({ event: "grace", remaining_seconds: 3600 });
  assertEquals(await peer.line(), '{"event":"license_changed"}');
  assertEquals(await peer.line(), '{"event":"grace","remaining_seconds":3600}');
  await peer.send(request("health") + "\n");
  assertEquals(await peer.line(), OK);
});

Deno.test("a watcher that uses frames receives frames of kind 3 with its request's id", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  const bytes = new TextEncoder().encode(request("watch"));
  await peer.send(encodeFrame(bytes, { kind: 1, requestId: 77 }));
  await peer.bytes(FRAME_HEADER_BYTES + OK.length);
  running.server.publish({ event: "stopping" });
  const header = readFrameHeader(await peer.bytes(FRAME_HEADER_BYTES), 0);
  assertEquals([header.kind, header.requestId, header.payloadBytes], [3, 77, 20]);
  assertEquals(new TextDecoder().decode(await peer.bytes(20)), '{"event":"stopping"}');
});

Deno.test("a control method gets its parameters and its peer, and returns the handler's result", async () => {
  await using running = await startServer({
    control: {
      restart: (params, { pid }) => ({ params, own: pid === Deno.pid }),
      stop: () => Promise.resolve(),
    },
  });
  const answer = await ask(running.path, '{"method":"restart","params":{"force":true}}');
  assertEquals(answer, '{"status":"ok","params":{"force":true},"own":true}');
  assertEquals(await ask(running.path, request("stop")), OK);
});

Deno.test("a control method without a handler is not available; one that fails says why only for expected errors", async () => {
  await using running = await startServer({
    control: {
      reload: () => {
        throw new SentinelError("config.x", "heartbeat must be positive");
      },
      stop: () => Promise.reject(new TypeError("secret detail")),
    },
  });
  assertEquals(await ask(running.path, request("stats")), refusal("method not available: stats"));
  assertEquals(
    await ask(running.path, request("reload")),
    '{"status":"error","error":"heartbeat must be positive","code":"config.x"}',
  );
  assertEquals(await ask(running.path, request("stop")), refusal("internal error"));
  assertEquals(running.log.records.map(({ message }) => message), [
    "ipc stop failed: secret detail",
  ]);
});

Deno.test('with peer = "child" a stranger gets health, status and control, not the license', async () => {
  await using running = await startServer({
    peer: "child",
    isDescendant: () => false,
    control: { stop: () => {} },
  });
  assertEquals(await ask(running.path, request("health")), OK);
  assertEquals(await ask(running.path, request("status")), OK);
  assertEquals(await ask(running.path, request("stop")), OK);
  for (const method of ["get_license", "get_features"]) {
    const answer = await ask(running.path, request(method));
    assertEquals(answer, refusal(`permission denied: ${method}`));
  }
});

Deno.test('with peer = "child" the child gets the license, not control', async () => {
  await using running = await startServer({
    peer: "child",
    isDescendant: (pid) => Promise.resolve(pid === Deno.pid),
    control: { stop: () => {} },
  });
  using peer = await connectPeer(running.path);
  await peer.send(`${request("get_license")}\n${request("get_license")}\n${request("stop")}\n`);
  assertEquals(await peer.line(), LICENSE_LINE);
  assertEquals(await peer.line(), LICENSE_LINE);
  assertEquals(await peer.line(), refusal("permission denied: stop"));
});

Deno.test("warnings change no answer", async () => {
  await using running = await startServer({ random: () => 0 });
  running.server.setDegradeStage("warnings");
  assertEquals(await ask(running.path, request("get_license")), LICENSE_LINE);
});

Deno.test("from the errors stage on, three in ten license requests fail, the others have no features, and health is correct", async () => {
  await using running = await startServer({ random: seededRandom(3) });
  running.server.setDegradeStage("errors");
  using peer = await connectPeer(running.path);
  let failed = 0;
  for (let i = 0; i < 1000; i++) {
    await peer.send(
      `${request("get_license")}\n${request("get_features")}\n${request("health")}\n`,
    );
    for (const whole of [EMPTY_LICENSE_LINE, '{"status":"ok","features":{}}']) {
      const line = await peer.line();
      if (line === whole) continue;
      assertEquals(JSON.parse(line!).status, "error");
      failed++;
    }
    assertEquals(await peer.line(), OK);
  }
  assert(failed > 540 && failed < 660, `${failed} of 2000 failed`);
  running.server.setDegradeStage("normal");
  assertEquals(await ask(running.path, request("get_license")), LICENSE_LINE);
});

Deno.test("slowdown delays the license by half a second to three seconds, and nothing else", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock, random: () => 0.5 });
  running.server.setDegradeStage("slowdown");
  using peer = await connectPeer(running.path);
  await peer.send(request("get_license") + "\n");
  let answered = false;
  const line = peer.line().finally(() => answered = true);
  await clock.sleepers(2);
  await clock.advance(1749);
  assertEquals(await ask(running.path, request("health")), OK);
  assertEquals(answered, false);
  await clock.advance(1);
  assertEquals(await line, EMPTY_LICENSE_LINE);
});

Deno.test("close() wakes an answer that is being delayed", async () => {
  const clock = new FakeClock();
  const running = await startServer({ clock });
  running.server.setDegradeStage("crash");
  using peer = await connectPeer(running.path);
  await peer.send(request("get_license") + "\n");
  await clock.sleepers(2);
  await running[Symbol.asyncDispose]();
  await peer.rest();
});

Deno.test("close() lets pending answers be written, including the one to the stop request", async () => {
  await using running = await startServer({
    control: { stop: () => void running.server.close() },
  });
  using silent = await connectPeer(running.path);
  assertEquals(await ask(running.path, request("stop")), OK);
  await running.server.close();
  assertEquals(await silent.line(), undefined);
});

for (const [who, asked] of [["waits", ""], ["asks for more", request("health") + "\n"]] as const) {
  Deno.test(`close() lets earlier events be written to a watcher that ${who}`, async () => {
    await using running = await startServer();
    using watcher = await connectPeer(running.path);
    await watcher.send(request("watch") + "\n");
    assertEquals(await watcher.line(), OK);
    const padded = { event: "state", padding: "x".repeat(500_000) } as const;
    const events = [padded, { event: "stopping" }] as const;
    for (const event of events) running.server.publish(event);
    const closed = running.server.close();
    await watcher.send(asked);
    const [rest] = await Promise.all([watcher.rest(), closed]);
    assert(rest === events.map((event) => JSON.stringify(event) + "\n").join(""));
  });
}

Deno.test("close() waits half a second for a watcher that does not read", async () => {
  const clock = new FakeClock();
  await using running = await startServer({ clock });
  using deaf = await connectPeer(running.path);
  await deaf.send(request("watch") + "\n");
  assertEquals(await deaf.line(), OK);
  running.server.publish({ event: "state", padding: "x".repeat(1_000_000) });
  let closed = false;
  const closing = running.server.close().then(() => closed = true);
  await clock.advance(499);
  assertEquals(closed, false);
  await clock.advance(1);
  await closing;
});

Deno.test("counters() counts the open, accepted and refused connections", async () => {
  await using running = await startServer({ limits: { maxConnections: 1 } });
  using first = await connectPeer(running.path);
  await first.send(request("health") + "\n");
  assertEquals(await first.line(), OK);
  using second = await connectPeer(running.path);
  assertEquals(await second.line(), undefined);
  assertEquals(running.server.counters(), {
    connections_open: 1,
    connections_accepted: 1,
    connections_refused: 1,
  });
});
