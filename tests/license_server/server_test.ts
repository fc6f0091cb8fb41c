import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { type RunningLicenseServer, startLicenseServer } from "../../src/license_server/server.ts";
import type { HttpLimits } from "../../src/net/http_server.ts";
import type { LicenseStore } from "../../src/license_server/store.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  type TestMachine,
} from "../support/test_machine.ts";
import { LicenseServerFixture } from "../support/license_server_fixture.ts";

function start(
  fixture: LicenseServerFixture,
  { store = fixture.store, trustProxy = false, port = 0, maxInFlight = 10, limits = {} }: {
    limits?: Partial<HttpLimits>;
    store?: LicenseStore;
    trustProxy?: boolean;
    port?: number;
    maxInFlight?: number;
  } = {},
): Promise<RunningLicenseServer> {
  const { clock, log } = fixture;
  return startLicenseServer({
    store,
    clock,
    log,
    port,
    trustProxy,
    maxInFlight,
    limits,
    sign: () => Promise.resolve(new Uint8Array(8)),
    address: "127.0.0.1",
  });
}

/** A store whose decisions wait until the test lets them go. */
function holdDecisions(store: LicenseStore): {
  store: LicenseStore;
  arrived: Promise<void>;
  release: () => void;
} {
  const arrived = Promise.withResolvers<void>(), gate = Promise.withResolvers<void>();
  const held: LicenseStore = {
    read: (scope) => store.read(scope),
    listLicenses: () => store.listLicenses(),
    listMachines: (key) => store.listMachines(key),
    async decide(scope, decide) {
      arrived.resolve();
      await gate.promise;
      return await store.decide(scope, decide);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { store: held, arrived: arrived.promise, release: gate.resolve };
}

async function beat(
  fixture: LicenseServerFixture,
  url: string,
  machine: TestMachine,
): Promise<Response> {
  const body = heartbeatBody(machine, "K1");
  const wire = await fixture.sign(machine, HEARTBEAT_PATH, { body });
  return await fetch(url + wire.path, { method: "POST", headers: wire.headers, body: wire.body });
}

/** Sends raw bytes; gives the connection, to be closed by the caller. */
async function connect(url: string, text: string): Promise<Deno.TcpConn> {
  const { hostname, port } = new URL(url);
  const conn = await Deno.connect({ hostname, port: Number(port) });
  await conn.write(new TextEncoder().encode(text));
  return conn;
}

/** What is sent until an answer's JSON has come, in whatever pieces. */
async function readAnswer(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let text = "";
  while (!text.endsWith("}")) {
    const count = await conn.read(buffer);
    if (count === null) break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

Deno.test("close() answers pending requests, refuses new ones unsigned, and stops listening", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const held = holdDecisions(fixture.store);
  await using server = await start(fixture, { store: held.store });
  const answer = beat(fixture, server.url, machine);
  await held.arrived;
  let isClosed = false;
  const closed = server.close().then(() => isClosed = true);
  const late = await beat(fixture, server.url, machine);
  assertEquals([late.status, await late.json()], [503, { error: "Server is busy." }]);
  assertEquals(isClosed, false);
  held.release();
  const response = await answer;
  assertEquals(response.status, 200);
  await response.body?.cancel();
  await closed;
  await assertRejects(() => beat(fixture, server.url, machine), TypeError);
  await server.close();
});

Deno.test("close() waits for a slow request only until its deadline", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const held = holdDecisions(fixture.store);
  await using server = await start(fixture, { store: held.store });
  const answer = beat(fixture, server.url, machine);
  await held.arrived;
  let isClosed = false;
  const closed = server.close().then(() => isClosed = true);
  await fixture.clock.advance(14_999);
  assertEquals(isClosed, false);
  await fixture.clock.advance(1);
  await closed;
  held.release();
  await (await answer).body?.cancel();
});

Deno.test("a body that does not arrive is cut off without an answer that is signed", async () => {
  await using fixture = await LicenseServerFixture.open();
  await using server = await start(fixture, { limits: { headerMs: 50, bodyMs: 50 } });
  const machine = await makeMachine();
  const signed = await fixture.sign(machine, HEARTBEAT_PATH, { body: "12345" });
  const headers = { Host: "a", "Content-Length": "5", ...signed.headers };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  using conn = await connect(
    server.url,
    `POST ${HEARTBEAT_PATH} HTTP/1.1\r\n${lines.join("")}\r\n123`,
  );
  assertMatch(await readAnswer(conn), /^HTTP\/1\.1 408 [^{]*$/);
});

Deno.test("a request above the limit is refused unsigned, like an outage, until there is room again", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const held = holdDecisions(fixture.store);
  await using server = await start(fixture, { store: held.store, maxInFlight: 1 });
  const first = beat(fixture, server.url, machine);
  await held.arrived;
  const second = await beat(fixture, server.url, machine);
  assertEquals([second.status, await second.json()], [503, { error: "Server is busy." }]);
  held.release();
  await (await first).body?.cancel();
  const third = await beat(fixture, server.url, machine);
  assertEquals(third.status, 200);
  await third.body?.cancel();
});

Deno.test("a port in use is reported", async () => {
  await using fixture = await LicenseServerFixture.open();
  await using server = await start(fixture);
  const port = Number(new URL(server.url).port);
  const error = await assertRejects(() => start(fixture, { port }), SentinelError);
  assertEquals(
    [error.code, error.message],
    ["config.listen", `port ${port} is already in use on 127.0.0.1`],
  );
});

for (
  const [trustProxy, header, address] of [
    [false, "198.51.100.1", "127.0.0.1"],
    [true, "203.0.113.9, 198.51.100.1", "198.51.100.1"],
    [true, "<script>", "127.0.0.1"],
  ] as const
) {
  const trust = trustProxy ? "with --trust-proxy" : "without --trust-proxy";
  Deno.test(`the audit row of X-Forwarded-For: ${header} ${trust} names ${address}`, async () => {
    await using fixture = await LicenseServerFixture.open();
    await fixture.register("K1");
    await using server = await start(fixture, { trustProxy });
    const machine = await makeMachine();
    const wire = await fixture.sign(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") });
    const headers = { ...wire.headers, "X-Forwarded-For": header };
    const response = await fetch(server.url + wire.path, {
      method: "POST",
      headers,
      body: wire.body,
    });
    await response.body?.cancel();
    const row = fixture.dump()["audit"]!.at(-1) as { action: string; actor: string };
    assertEquals([row.action, row.actor], ["machine.activated", address]);
  });
}
