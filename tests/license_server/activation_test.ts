import { assertEquals } from "@std/assert";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { createRoutes } from "../../src/license_server/routes.ts";
import { activateBody, heartbeatBody, makeMachine } from "../support/test_machine.ts";
import { LicenseServerFixture, openStore, sendTo } from "../support/license_server_fixture.ts";

Deno.test("40 activations at once fill a license of 7 machines with exactly 7", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { max_machines: 7 });
  const machines = await Promise.all(Array.from({ length: 40 }, () => makeMachine()));
  const answers = await Promise.all(machines.map((machine) => fixture.activate(machine)));
  assertEquals(answers.filter(({ status }) => status === 200).length, 7);
  const refusals = answers.filter(({ status }) => status !== 200);
  assertEquals(
    new Set(refusals.map(({ error }) => error)),
    new Set(["Maximum machine limit reached for this license. In use: 7 of 7."]),
  );
  assertEquals(fixture.dump()["machines"]!.length, 7);
  assertEquals((await fixture.store.read({ licenseKey: "K1" })).license?.activeMachines, 7);
});

Deno.test("the machine limit holds when two servers share the database", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { max_machines: 3 });
  await using second = await openStore(fixture.path);
  const { clock, log } = fixture;
  const other = createRoutes({
    store: second,
    clock,
    log,
    sign: () => Promise.resolve(new Uint8Array(8)),
  });
  const machines = await Promise.all(Array.from({ length: 12 }, () => makeMachine()));
  const statuses = await Promise.all(machines.map(async (machine, i) => {
    const { path, headers, body } = await fixture.sign(machine, ACTIVATE_PATH, {
      body: activateBody(machine, "K1"),
    });
    const request = new Request(`http://desk${path}`, { method: "POST", headers, body });
    const response = await (i % 2 === 0 ? fixture.send(request) : sendTo(other, request));
    await response.body?.cancel();
    return response.status;
  }));
  assertEquals(statuses.sort(), [...Array(3).fill(200), ...Array(9).fill(403)]);
});

Deno.test("the answer to an activation has the license's terms, the nonce and the time", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { features: { seats: 5, names: ["é"] } });
  const machine = await makeMachine();
  const request = await fixture.sign(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") });
  assertEquals((await fixture.post(request)).payload, {
    status: "ACTIVE",
    machine_id: machine.id,
    license_key: "K1",
    expiry_date: "2026-12-31",
    heartbeat_interval_minutes: 30,
    heartbeat_grace_period_days: 3,
    features: { seats: 5, names: ["é"] },
    request_nonce: request.headers["X-Sentinel-Nonce"],
    responded_at: "2026-06-15T12:00:00.000Z",
  });
});

Deno.test("a machine activates on a license's first day, which may be its last", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { issue_date: "2026-06-15", expiry_date: "2026-06-15" });
  assertEquals((await fixture.activate(await makeMachine())).status, 200);
});

Deno.test("a machine's version is stored up to 256 characters, with its first and last contact", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  const send = async (path: string, body: Record<string, unknown>, version: string) => {
    const request = { ...body, software_version: version.repeat(300) };
    const answer = await fixture.post(await fixture.sign(machine, path, { body: request }));
    assertEquals(answer.status, 200);
    const [kept] = await fixture.store.listMachines("K1");
    return [kept!.softwareVersion, kept!.activatedAtMs, kept!.lastSeenAtMs];
  };
  const came = fixture.clock.wallMs();
  const activation = activateBody(machine, "K1"), heartbeat = heartbeatBody(machine, "K1");
  assertEquals(await send(ACTIVATE_PATH, activation, "a"), ["a".repeat(256), came, came]);
  fixture.clock.skip(1_000);
  assertEquals(await send(HEARTBEAT_PATH, heartbeat, "b"), ["b".repeat(256), came, came + 1_000]);
  fixture.clock.skip(1_000);
  assertEquals(await send(ACTIVATE_PATH, activation, "c"), ["c".repeat(256), came, came + 2_000]);
});

Deno.test("an active machine activates again with its key, even if the license is full", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  assertEquals((await fixture.activate(machine)).status, 200);
  assertEquals((await fixture.activate(machine)).payload["status"], "ACTIVE");
  assertEquals((await fixture.store.read({ licenseKey: "K1" })).license?.activeMachines, 1);
});

Deno.test("the same key in a PEM with other line breaks is the same key", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const publicKeyPem = machine.publicKeyPem.replaceAll("\n", "\r\n");
  assertEquals((await fixture.activate({ ...machine, publicKeyPem })).status, 200);
});
