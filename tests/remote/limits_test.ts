// Not on Windows: the remote server is not held to it yet.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { linux } from "../../src/platform/linux/platform.ts";
import type { RemoteLimits } from "../../src/remote/wire.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { FakeProcesses } from "../support/fake_processes.ts";
import {
  RawConnection,
  RemoteServerFixture,
  type ServedRemote,
} from "../support/remote_server_fixture.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { LINUX, needsProgram, testWith } from "../support/requirements.ts";

openLibraries();

const OPENSSL = [needsProgram("openssl")];
const HEALTH = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n";
const START = { method: "POST", body: '{"command":"id"}' };

function testLimited(
  name: string,
  limits: Partial<RemoteLimits>,
  run: (served: ServedRemote, processes: FakeProcesses) => Promise<void>,
): void {
  testWith(OPENSSL, name, async () => {
    await using fixture = await RemoteServerFixture.open();
    const processes = new FakeProcesses();
    await using served = await fixture.serve(processes, { limits });
    await run(served, processes);
  });
}

testLimited(
  "a process above the limit is refused until another one ends",
  { processes: 1 },
  async (served, processes) => {
    assertEquals((await served.ask("/v1/processes", START)).status, 201);
    const answer = await served.ask("/v1/processes", START);
    assertEquals([answer.status, answer.body.detail], [
      429,
      "too many processes are running (limit: 1)",
    ]);
    processes.end("1", { state: "exited" });
    assertEquals((await served.ask("/v1/processes", START)).status, 201);
  },
);

testLimited(
  "a start that fails leaves room for the next",
  { processes: 1 },
  async (served, processes) => {
    processes.outcome = { kind: "refused", why: "no" };
    assertEquals((await served.ask("/v1/processes", START)).status, 409);
    processes.outcome = undefined;
    assertEquals((await served.ask("/v1/processes", START)).status, 201);
  },
);

testLimited(
  "a start that throws is an internal error, and leaves room for the next",
  { processes: 1 },
  async (served, processes) => {
    const { start } = processes;
    processes.start = () => Promise.reject(new Error("disk quota exceeded"));
    const broken = await served.ask("/v1/processes", START);
    assertEquals([broken.status, broken.body.detail], [
      500,
      "internal error; see the server's log",
    ]);
    const said = "error remote request failed: disk quota exceeded";
    assertEquals(served.fixture.log.lines("error"), [said]);
    processes.start = start;
    assertEquals((await served.ask("/v1/processes", START)).status, 201);
  },
);

testLimited(
  "a connection above the limit gets an error and is closed",
  { connections: 1 },
  async (served) => {
    using first = await served.connect();
    await first.send(HEALTH);
    assertMatch(await first.read(/"ok"/), /200 OK/);
    using second = await served.connect();
    await second.send("GET /nope HTTP/1.1\r\nHost: a\r\n\r\n");
    assertMatch(await second.read(), /^HTTP\/1\.1 503 .*too many connections \(limit: 1\)/s);
    await first.send(HEALTH);
    assertMatch(await first.read(/"ok"/), /200 OK/);
  },
);

testLimited("a request above the limit is refused", { requests: 1 }, async (served, processes) => {
  const arrived = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
  const query = processes.query.bind(processes);
  processes.query = async (id) => {
    arrived.resolve();
    await gate.promise;
    return await query(id);
  };
  const first = served.ask("/v1/processes/1");
  await arrived.promise;
  const second = await served.ask("/healthz");
  assertEquals([second.status, second.body.detail], [
    503,
    "too many requests are under way (limit: 1)",
  ]);
  gate.resolve();
  assertEquals((await first).status, 404);
  assertEquals((await served.ask("/healthz")).status, 200);
});

testLimited(
  "a handshake above an address's share takes the place of its oldest, without a line",
  { handshakes: 8 },
  async (served) => {
    const target = { hostname: "127.0.0.1", port: served.port };
    using first = new RawConnection(await Deno.connect(target));
    using _second = new RawConnection(await Deno.connect(target));
    using _third = new RawConnection(await Deno.connect(target));
    assertEquals(await first.read(), "");
    assertEquals((await served.ask("/healthz")).status, 200);
    await served.server.close();
    assertEquals(served.fixture.log.lines("warn"), [
      "warn 2 handshakes of 127.0.0.1 refused in the last minute",
    ]);
  },
);

testLimited(
  "of an address's failed handshakes the first twenty are audited, the others counted",
  {},
  async (served) => {
    for (let i = 0; i < 23; i++) {
      const raw = new RawConnection(
        await Deno.connect({ hostname: "127.0.0.1", port: served.port }),
      );
      await raw.send("GET / HTTP/1.1\r\n\r\n");
      await raw.read();
      raw[Symbol.dispose]();
    }
    assertEquals(served.server.load.handshakes, 0);
    await served.server.close();
    const lines = served.fixture.log.lines("warn");
    assertEquals(lines.at(-1), "warn 3 handshakes of 127.0.0.1 refused in the last minute");
  },
);

testLimited("a stalled handshake times out", { handshakeMs: 50 }, async (served) => {
  using silent = new RawConnection(
    await Deno.connect({ hostname: "127.0.0.1", port: served.port }),
  );
  assertEquals(await silent.read(), "");
  await served.fixture.audit(/^handshake failed: TLS handshake timeout$/);
  assertEquals(served.server.load.handshakes, 0);
});

for (const [what, text] of [["nothing", ""], ["half a head", "GET / HTTP/1.1\r\nHo"]] as const) {
  testLimited(
    `the connection of a client that sends ${what} is closed`,
    { headerMs: 50, bodyMs: 50 },
    async (served) => {
      using raw = await served.connect();
      await raw.send(text);
      assertMatch(await raw.read(), /^(?:HTTP\/1\.1 408 .*)?$/s);
    },
  );
}

testLimited(
  "an idle connection is closed",
  { idleMs: 50 },
  async (served) => {
    using raw = await served.connect();
    await raw.send(HEALTH);
    assertMatch(await raw.read(), /200 OK/);
  },
);

testWith(OPENSSL, "a body that does not arrive times out after ten seconds", async () => {
  await using fixture = await RemoteServerFixture.open();
  const clock = new FakeClock();
  await using served = await fixture.serve(new FakeProcesses(), { clock });
  using raw = await served.connect();
  await raw.send("POST /v1/processes HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{");
  await clock.sleepers(1);
  await clock.advance(10_000);
  assertMatch(await raw.read(), /^HTTP\/1\.1 408 .*did not arrive in time/s);
});

testWith(
  [...OPENSSL, LINUX],
  "a server that listens again on its socket answers, and keeps its deadlines",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    let isDeaf = true;
    const relistened = Promise.withResolvers<void>();
    await using served = await fixture.serve(new FakeProcesses(), {
      limits: { headerMs: 1_000 },
      async findSocket(port) {
        const socket = await linux.findListener!(port);
        assert(socket);
        return {
          hasWaiting: () => isDeaf,
          duplicate() {
            isDeaf = false;
            relistened.resolve();
            return socket.duplicate();
          },
        };
      },
    });
    await relistened.promise;
    assertEquals((await served.ask("/healthz")).status, 200);
    using slow = await served.connect();
    await slow.send("GET /healthz HT");
    assertMatch(await slow.read(), /^HTTP\/1\.1 408 /);
    assertEquals(fixture.log.lines("warn").length, 1);
  },
);
