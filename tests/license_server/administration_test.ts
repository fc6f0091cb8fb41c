import { assertEquals, assertRejects } from "@std/assert";
import { DECOMMISSION_ACK_PATH } from "../../src/activation/messages.ts";
import { SentinelError } from "../../src/core/errors.ts";
import {
  changeLicense,
  type LicenseAction,
  requestDecommission,
} from "../../src/license_server/administration.ts";
import { acknowledgeBody, makeMachine } from "../support/test_machine.ts";
import { LicenseServerFixture } from "../support/license_server_fixture.ts";

const origin = { atMs: 0, actor: "test" };

/** A status, an action, and the new status or the refusal. */
const STEPS: readonly (readonly [LicenseAction[], LicenseAction, string])[] = [
  [[], "revoke", "REVOKED"],
  [[], "suspend", "SUSPENDED"],
  [[], "reinstate", "license K1 is not suspended"],
  [["suspend"], "revoke", "REVOKED"],
  [["suspend"], "suspend", "license K1 is already suspended"],
  [["suspend"], "reinstate", "ACTIVE"],
  [["revoke"], "revoke", "license K1 is already revoked"],
  [["revoke"], "suspend", "license K1 is permanently revoked"],
  [["revoke"], "reinstate", "license K1 is permanently revoked"],
];

for (const [before, action, result] of STEPS) {
  const from = before.length === 0 ? "an active license" : `a license after ${before}`;
  Deno.test(`${action} of ${from}: ${result}`, async () => {
    await using fixture = await LicenseServerFixture.open();
    await fixture.register("K1");
    const change = (step: LicenseAction) =>
      changeLicense(fixture.store, step, { licenseKey: "K1", origin });
    for (const step of before) await change(step);
    const unchanged = fixture.dump();
    if (/^[A-Z]+$/.test(result)) {
      await change(action);
      assertEquals((await fixture.store.read({ licenseKey: "K1" })).license?.status, result);
    } else {
      const error = await assertRejects(() => change(action), SentinelError);
      assertEquals([error.code, error.message], ["usage.license_state", result]);
      assertEquals(fixture.dump(), unchanged);
    }
  });
}

Deno.test("a decommission can be requested once", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const request = () =>
    requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  await request();
  const again = await assertRejects(request, SentinelError);
  assertEquals(again.message, `machine ${machine.id} is already being decommissioned`);
  const body = acknowledgeBody(machine, "K1");
  await fixture.post(await fixture.sign(machine, DECOMMISSION_ACK_PATH, { body }));
  const late = await assertRejects(request, SentinelError);
  assertEquals(late.message, `machine ${machine.id} is already decommissioned`);
});

Deno.test("a decommission needs an existing license and one of its machines", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const { id } = await makeMachine();
  for (
    const [licenseKey, message] of [
      ["K1", `machine is not activated for license K1: ${id}`],
      ["K2", "license not found: K2"],
    ] as const
  ) {
    const request = () => requestDecommission(fixture.store, { licenseKey, machineId: id }, origin);
    const error = await assertRejects(request, SentinelError);
    assertEquals([error.code, error.message], ["usage.machine_state", message]);
  }
});

Deno.test("activating again does not cancel a pending decommission", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  assertEquals((await fixture.activate(machine)).payload["status"], "ACTIVE");
  assertEquals((await fixture.beat(machine)).payload["status"], "DECOMMISSION_PENDING");
});

Deno.test("a lost machine frees its place at once, and is decommissioned if it returns", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { max_machines: 1 });
  const [lost, next, third] = [await makeMachine(), await makeMachine(), await makeMachine()];
  await fixture.activate(lost);
  assertEquals((await fixture.activate(next)).status, 403);
  const request = { licenseKey: "K1", machineId: lost.id, isLost: true };
  await requestDecommission(fixture.store, request, origin);
  assertEquals((await fixture.activate(next)).status, 200);
  assertEquals((await fixture.activate(lost)).payload["status"], "ACTIVE");
  const told = (await fixture.beat(lost)).payload;
  assertEquals([told["status"], told["decommission_pending"]], ["DECOMMISSION_PENDING", true]);
  const body = acknowledgeBody(lost, "K1");
  const left = await fixture.post(await fixture.sign(lost, DECOMMISSION_ACK_PATH, { body }));
  assertEquals(left.payload["status"], "DECOMMISSIONED");
  assertEquals((await fixture.beat(next)).payload["status"], "ACTIVE");
  assertEquals((await fixture.activate(third)).status, 403, "one place, and next has it");
  const audit = fixture.dump()["audit"] as { action: string; machine_id: string }[];
  assertEquals(audit.filter(({ machine_id }) => machine_id === lost.id).map((row) => row.action), [
    "machine.activated",
    "machine.given_up",
    "machine.decommissioned",
  ]);
});

Deno.test("a machine with a pending decommission can be marked as lost, once", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  const machineId = machine.id;
  const request = { licenseKey: "K1", machineId };
  await requestDecommission(fixture.store, request, origin);
  await requestDecommission(fixture.store, { ...request, isLost: true }, origin);
  for (const isLost of [true, false]) {
    const again = () => requestDecommission(fixture.store, { ...request, isLost }, origin);
    const error = await assertRejects(again, SentinelError);
    assertEquals(error.message, `machine ${machineId} is already marked as lost`);
  }
});
