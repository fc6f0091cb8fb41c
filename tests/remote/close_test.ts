// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeProcesses } from "../support/fake_processes.ts";
import { readFrames } from "../support/read_frames.ts";
import { RemoteServerFixture } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const OPENSSL = [needsProgram("openssl")];

testWith(OPENSSL, "close() stops the processes, and readers get the end", async () => {
  await using fixture = await RemoteServerFixture.open();
  const processes = new FakeProcesses();
  processes.add({ id: "1" });
  processes.items = async function* () {
    await processes.ended("1");
    yield { kind: "end", at: 0 };
  };
  await using served = await fixture.serve(processes);
  const response = await served.fetch("/v1/processes/1/output?follow=1");
  const closed = served.server.close();
  const { control } = await readFrames(response);
  assertEquals((control[0]!["end"] as { state: string }).state, "stopped");
  await closed;
  await served.server.close();
  await assertRejects(() => served.ask("/healthz"), TypeError);
});

testWith(
  OPENSSL,
  "while the processes are being stopped, every request is refused",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    const processes = new FakeProcesses();
    const closing = Promise.withResolvers<void>(), stopped = Promise.withResolvers<void>();
    processes.close = () => {
      closing.resolve();
      return stopped.promise;
    };
    await using served = await fixture.serve(processes);
    const closed = served.server.close();
    await closing.promise;
    for (const [path, method] of [["/healthz", "GET"], ["/v1/processes", "POST"]] as const) {
      const answer = await served.ask(path, { method });
      assertEquals([answer.status, answer.body.detail], [503, "the server is stopping"]);
    }
    stopped.resolve();
    await closed;
    assertEquals(processes.started, []);
  },
);

testWith(OPENSSL, "close() waits for a pending start before it stops the processes", async () => {
  await using fixture = await RemoteServerFixture.open();
  const processes = new FakeProcesses();
  const arrived = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
  processes.start = async () => {
    arrived.resolve();
    await gate.promise;
    processes.add({ id: "1" });
    return { kind: "started", id: "1" };
  };
  await using served = await fixture.serve(processes);
  const answer = served.ask("/v1/processes", { method: "POST", body: '{"command":"x"}' });
  await arrived.promise;
  const closed = served.server.close();
  assertEquals(processes.isClosed, false);
  gate.resolve();
  assertEquals((await answer).status, 201);
  await closed;
  assertEquals([processes.isClosed, processes.views.get("1")!.state], [true, "stopped"]);
});

testWith(
  OPENSSL,
  "close() cuts off a reader that does not fetch the rest in five seconds",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    const clock = new FakeClock();
    const processes = new FakeProcesses();
    processes.add({ id: "1" });
    processes.items = async function* () {
      for (;;) {
        yield { kind: "bytes", stream: "stdout", bytes: new Uint8Array(65_536), offset: 0 };
      }
    };
    await using served = await fixture.serve(processes, { clock });
    using stalled = await served.connect();
    await stalled.send("GET /v1/processes/1/output HTTP/1.1\r\nHost: a\r\n\r\n");
    await stalled.read(/\r\n\r\n/);
    const closed = served.server.close();
    await clock.sleepers(1);
    await clock.advance(5_000);
    await closed;
  },
);

testWith(OPENSSL, "a port in use is reported", async () => {
  await using fixture = await RemoteServerFixture.open();
  await using served = await fixture.serve(new FakeProcesses());
  const error = await assertRejects(
    () => fixture.serve(new FakeProcesses(), { port: served.port }),
    SentinelError,
  );
  assertEquals(
    [error.code, error.message],
    ["config.listen", `port ${served.port} is already in use on 127.0.0.1`],
  );
});
