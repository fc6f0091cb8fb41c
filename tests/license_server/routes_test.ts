import { assertEquals } from "@std/assert";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import { changeLicense, requestDecommission } from "../../src/license_server/administration.ts";
import {
  acknowledgeBody,
  activateBody,
  heartbeatBody,
  makeMachine,
} from "../support/test_machine.ts";
import { CLIENT_ADDRESS, LicenseServerFixture, sendTo } from "../support/license_server_fixture.ts";

const DAY_MS = 24 * 60 * 60_000;
const origin = { atMs: 0, actor: "test" };

Deno.test("of two equal concurrent requests one is accepted", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  const request = await fixture.sign(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") });
  const answers = await Promise.all([fixture.post(request), fixture.post(request)]);
  assertEquals(answers.map(({ status }) => status).sort(), [200, 409]);
});

Deno.test("a nonce is stored across a restart", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const body = heartbeatBody(machine, "K1");
  const request = await fixture.sign(machine, HEARTBEAT_PATH, { body });
  assertEquals((await fixture.post(request)).status, 200);
  await fixture.restart();
  assertEquals((await fixture.post(request)).payload["code"], "nonce_used");
});

Deno.test("a request with a refused signature does not use up the nonce", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine(), thief = await makeMachine(machine.id);
  await fixture.activate(machine);
  const body = heartbeatBody(machine, "K1"), stamp = { nonce: crypto.randomUUID() };
  const forged = await fixture.sign(thief, HEARTBEAT_PATH, { body, stamp });
  assertEquals((await fixture.post(forged)).status, 401);
  const own = await fixture.sign(machine, HEARTBEAT_PATH, { body, stamp });
  assertEquals((await fixture.post(own)).status, 200);
});

Deno.test("expired nonces are removed as new ones arrive", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  for (let i = 0; i < 5; i++) await fixture.beat(machine);
  assertEquals(fixture.dump()["nonces"]!.length, 6);
  await fixture.clock.advance(300_000);
  await fixture.beat(machine);
  assertEquals(fixture.dump()["nonces"]!.length, 7, "a request of 300 s ago is still in time");
  await fixture.clock.advance(1_000);
  await fixture.beat(machine);
  await fixture.beat(machine);
  assertEquals(fixture.dump()["nonces"]!.length, 3);
});

Deno.test("every state change has one audit row, and a heartbeat none", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  await fixture.beat(machine);
  await fixture.activate(machine);
  await changeLicense(fixture.store, "suspend", { licenseKey: "K1", origin });
  await changeLicense(fixture.store, "reinstate", { licenseKey: "K1", origin });
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  const body = acknowledgeBody(machine, "K1");
  await fixture.post(await fixture.sign(machine, DECOMMISSION_ACK_PATH, { body }));
  await changeLicense(fixture.store, "revoke", { licenseKey: "K1", origin });
  const audit = fixture.dump()["audit"] as { action: string; machine_id: string; actor: string }[];
  assertEquals(audit.map(({ action, machine_id, actor }) => [action, machine_id, actor]), [
    ["license.registered", null, "test"],
    ["machine.activated", machine.id, CLIENT_ADDRESS],
    ["license.suspended", null, "test"],
    ["license.reinstated", null, "test"],
    ["machine.decommission_requested", machine.id, "test"],
    ["machine.decommissioned", machine.id, CLIENT_ADDRESS],
    ["license.revoked", null, "test"],
  ]);
});

Deno.test("the heartbeat reports expiry from the day after the last, and a pending decommission", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { expiry_date: "2026-06-15", max_machines: 2 });
  const machine = await makeMachine();
  await fixture.activate(machine);
  const { request_nonce: _n, responded_at: _r, ...fields } = (await fixture.beat(machine)).payload;
  assertEquals(fields, {
    status: "ACTIVE",
    machine_id: machine.id,
    license_key: "K1",
    expiry_date: "2026-06-15",
    decommission_pending: false,
  });
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  const pending = (await fixture.beat(machine)).payload;
  assertEquals([pending["status"], pending["decommission_pending"]], [
    "DECOMMISSION_PENDING",
    true,
  ]);
  await fixture.clock.advance(DAY_MS);
  const expired = (await fixture.beat(machine)).payload;
  assertEquals([expired["status"], expired["decommission_pending"]], ["EXPIRED", true]);
});

Deno.test("the heartbeat reports the vendor's decision first, then expiry, then a pending decommission", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { expiry_date: "2026-06-15" });
  const machine = await makeMachine();
  await fixture.activate(machine);
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  await fixture.clock.advance(DAY_MS);
  const statuses: unknown[] = [];
  for (const action of ["suspend", "reinstate", "revoke"] as const) {
    await changeLicense(fixture.store, action, { licenseKey: "K1", origin });
    statuses.push((await fixture.beat(machine)).payload["status"]);
  }
  assertEquals(statuses, ["SUSPENDED", "EXPIRED", "REVOKED"]);
});

Deno.test("an answer is JSON that is not cached", async () => {
  await using fixture = await LicenseServerFixture.open();
  const { headers } = await fixture.send(new Request("http://desk/"));
  assertEquals([headers.get("content-type"), headers.get("cache-control")], [
    "application/json",
    "no-store",
  ]);
});

Deno.test("a repeated acknowledgement gets the same answer, and frees the place once", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { max_machines: 2 });
  const machine = await makeMachine(), other = await makeMachine();
  await fixture.activate(machine);
  await fixture.activate(other);
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  const body = acknowledgeBody(machine, "K1");
  for (let i = 0; i < 2; i++) {
    const answer = await fixture.post(await fixture.sign(machine, DECOMMISSION_ACK_PATH, { body }));
    assertEquals([answer.status, answer.payload["status"]], [200, "DECOMMISSIONED"]);
  }
  assertEquals((await fixture.store.read({ licenseKey: "K1" })).license?.activeMachines, 1);
  assertEquals((await fixture.activate(await makeMachine())).status, 200);
  assertEquals((await fixture.activate(await makeMachine())).status, 403);
});

Deno.test("a database error is an unsigned 500, and logged", async () => {
  await using fixture = await LicenseServerFixture.open();
  const routes = fixture.routes();
  await fixture.restart();
  const machine = await makeMachine();
  const { path, headers, body } = await fixture.sign(machine, HEARTBEAT_PATH, {
    body: heartbeatBody(machine, "K1"),
  });
  const request = new Request(`http://desk${path}`, { method: "POST", headers, body });
  const response = await sendTo(routes, request);
  assertEquals([response.status, await response.json()], [500, {
    error: "Internal server error.",
  }]);
  assertEquals(
    fixture.log.lines("debug").at(-1),
    `error request failed: database is closed: ${fixture.path}`,
  );
});
