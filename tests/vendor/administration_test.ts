import { assertEquals, assertRejects } from "@std/assert";
import { DECOMMISSION_ACK_PATH } from "../../src/activation/messages.ts";
import { SentinelError } from "../../src/core/errors.ts";
import {
  changeLicense,
  type LicenseAction,
  requestDecommission,
} from "../../src/vendor/administration.ts";
import { acknowledgeBody, makeMachine } from "../support/test_machine.ts";
import { VendorDesk } from "../support/vendor_desk.ts";

const origin = { atMs: 0, actor: "test" };

/** From a status, by an action, to a status or to the reason why not. */
const STEPS: readonly (readonly [LicenseAction[], LicenseAction, string])[] = [
  [[], "revoke", "REVOKED"],
  [[], "suspend", "SUSPENDED"],
  [[], "reinstate", "license K1 is not suspended"],
  [["suspend"], "revoke", "REVOKED"],
  [["suspend"], "suspend", "license K1 is already suspended"],
  [["suspend"], "reinstate", "ACTIVE"],
  [["revoke"], "revoke", "license K1 is already revoked"],
  [["revoke"], "suspend", "license K1 is revoked for good"],
  [["revoke"], "reinstate", "license K1 is revoked for good"],
];

for (const [before, action, result] of STEPS) {
  const from = before.length === 0 ? "an active license" : `a license after ${before}`;
  Deno.test(`${action} of ${from}: ${result}`, async () => {
    await using desk = await VendorDesk.open();
    await desk.register("K1");
    const change = (step: LicenseAction) =>
      changeLicense(desk.store, step, { licenseKey: "K1", origin });
    for (const step of before) await change(step);
    const unchanged = desk.dump();
    if (/^[A-Z]+$/.test(result)) {
      await change(action);
      assertEquals((await desk.store.read({ licenseKey: "K1" })).license?.status, result);
    } else {
      const error = await assertRejects(() => change(action), SentinelError);
      assertEquals([error.code, error.message], ["usage.license_state", result]);
      assertEquals(desk.dump(), unchanged);
    }
  });
}

Deno.test("a machine is asked to leave once", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  const machine = await makeMachine();
  await desk.activate(machine);
  const request = () => requestDecommission(desk.store, machine.id, { licenseKey: "K1", origin });
  await request();
  const again = await assertRejects(request, SentinelError);
  assertEquals(again.message, `machine ${machine.id} is already asked to leave`);
  const body = acknowledgeBody(machine, "K1");
  await desk.post(await desk.sign(machine, DECOMMISSION_ACK_PATH, { body }));
  const late = await assertRejects(request, SentinelError);
  assertEquals(late.message, `machine ${machine.id} is already decommissioned`);
});

Deno.test("no machine of a license that is not there, or of another's, is asked to leave", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  const { id } = await makeMachine();
  for (
    const [licenseKey, message] of [
      ["K1", `machine is not activated for license K1: ${id}`],
      ["K2", "license not found: K2"],
    ] as const
  ) {
    const request = () => requestDecommission(desk.store, id, { licenseKey, origin });
    const error = await assertRejects(request, SentinelError);
    assertEquals([error.code, error.message], ["usage.machine_state", message]);
  }
});

Deno.test("a machine that is to leave does not escape by activating again", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  const machine = await makeMachine();
  await desk.activate(machine);
  await requestDecommission(desk.store, machine.id, { licenseKey: "K1", origin });
  assertEquals((await desk.activate(machine)).payload["status"], "ACTIVE");
  assertEquals((await desk.beat(machine)).payload["status"], "DECOMMISSION_PENDING");
});
