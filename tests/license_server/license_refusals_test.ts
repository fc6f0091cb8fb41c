import { assertEquals } from "@std/assert";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import { parsePayload } from "../../src/license/payload.ts";
import { changeLicense, requestDecommission } from "../../src/license_server/administration.ts";
import { registerLicense } from "../../src/license_server/issue.ts";
import { activation, heartbeat, type Scene, testRefusals } from "../support/refusal_scene.ts";
import {
  acknowledgeBody,
  activateBody,
  heartbeatBody,
  makeMachine,
} from "../support/test_machine.ts";
import { standardPayload } from "../support/vendor_desk.ts";

const origin = { atMs: 0, actor: "test" };
const DAY_MS = 24 * 60 * 60_000;

const DECOMMISSIONED = [403, "machine_decommissioned", "Machine has been decommissioned."] as const;

async function decommission({ desk, machine }: Scene): Promise<void> {
  await requestDecommission(desk.store, { licenseKey: "K1", machineId: machine.id }, origin);
  const body = acknowledgeBody(machine, "K1");
  await desk.post(await desk.sign(machine, DECOMMISSION_ACK_PATH, { body }));
}

testRefusals([
  {
    name: "a request sent twice",
    request: async (scene) => {
      const request = await heartbeat(scene);
      assertEquals((await scene.desk.post(request)).status, 200);
      return request;
    },
    answer: [409, "nonce_used", "Request nonce has already been used."],
  },
  {
    name: "a heartbeat for an unknown license",
    request: (scene) => heartbeat(scene, { license_key: "K2" }),
    answer: [404, "license_unknown", "License not found."],
  },
  {
    name: "an activation of an unknown license",
    request: (scene) => activation(scene, { license_key: "K2" }),
    answer: [404, "license_unknown", "License not found."],
  },
  {
    name: "a heartbeat of a machine that was never activated",
    request: ({ desk, other }) =>
      desk.sign(other, HEARTBEAT_PATH, { body: heartbeatBody(other, "K1") }),
    answer: [404, "machine_unknown", "Machine is not activated for this license."],
  },
  {
    name: "one machine too many",
    request: (scene) => activation(scene),
    answer: [403, "machine_limit", "Maximum machine limit reached for this license."],
  },
  {
    name: "a new public key for a known machine",
    request: async ({ desk, machine }) => {
      const impostor = await makeMachine(machine.id);
      return await desk.sign(impostor, ACTIVATE_PATH, { body: activateBody(impostor, "K1") });
    },
    answer: [
      409,
      "machine_key_conflict",
      "Machine is already activated with a different public key.",
    ],
  },
  {
    name: "an activation of a revoked license",
    request: async (scene) => {
      await changeLicense(scene.desk.store, "revoke", { licenseKey: "K1", origin });
      return await activation(scene);
    },
    answer: [403, "license_revoked", "License has been revoked."],
  },
  {
    name: "an activation of a suspended license",
    request: async (scene) => {
      await changeLicense(scene.desk.store, "suspend", { licenseKey: "K1", origin });
      return await activation(scene);
    },
    answer: [403, "license_suspended", "License is suspended."],
  },
  {
    name: "an activation the day after the license expired",
    request: async (scene) => {
      await scene.desk.clock.advance(200 * DAY_MS);
      return activation(scene);
    },
    answer: [403, "license_expired", "License has expired (expiry: 2026-12-31)."],
  },
  {
    name: "an activation before the license begins",
    request: async (scene) => {
      await scene.desk.register("K2", { issue_date: "2026-07-01" });
      return await activation(scene, { license_key: "K2" });
    },
    answer: [403, "license_not_yet_active", "License is not yet active (activates: 2026-07-01)."],
  },
  {
    name: "an activation of a hardware-bound license",
    request: async (scene) => {
      const { heartbeat_interval_minutes: _i, heartbeat_grace_period_days: _g, ...common } =
        standardPayload("H1");
      const license = parsePayload({
        ...common,
        license_type: "HARDWARE_BOUND",
        hardware_fingerprint: "0".repeat(64),
      });
      await registerLicense(scene.desk.store, license, origin);
      return await activation(scene, { license_key: "H1" });
    },
    answer: [403, "license_hardware_bound", "Hardware-bound licenses are not activated online."],
  },
  {
    name: "a heartbeat of a decommissioned machine",
    request: async (scene) => {
      await decommission(scene);
      return await heartbeat(scene);
    },
    answer: DECOMMISSIONED,
  },
  {
    name: "a decommissioned machine that comes back",
    request: async (scene) => {
      await decommission(scene);
      return await scene.desk.sign(scene.machine, ACTIVATE_PATH, {
        body: activateBody(scene.machine, "K1"),
      });
    },
    answer: DECOMMISSIONED,
  },
  {
    name: "an acknowledgement that nobody asked for",
    request: ({ desk, machine }) =>
      desk.sign(machine, DECOMMISSION_ACK_PATH, { body: acknowledgeBody(machine, "K1") }),
    answer: [
      409,
      "decommission_not_requested",
      "Decommission has not been requested for this machine.",
    ],
  },
]);
