import { assertEquals } from "@std/assert";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import { parsePayload } from "../../src/license/payload.ts";
import { changeLicense, requestDecommission } from "../../src/license_server/administration.ts";
import { registerLicense } from "../../src/license_server/issue.ts";
import { activation, type Fixture, heartbeat, testRefusals } from "../support/refusal_fixture.ts";
import {
  acknowledgeBody,
  activateBody,
  heartbeatBody,
  makeMachine,
} from "../support/test_machine.ts";
import { standardPayload } from "../support/license_server_fixture.ts";

const origin = { atMs: 0, actor: "test" };
const DAY_MS = 24 * 60 * 60_000;

const DECOMMISSIONED = [403, "machine_decommissioned", "Machine has been decommissioned."] as const;

async function decommission({ fixture, machine }: Fixture): Promise<void> {
  await requestDecommission(fixture.store, { licenseKey: "K1", machineId: machine.id }, origin);
  const body = acknowledgeBody(machine, "K1");
  await fixture.post(await fixture.sign(machine, DECOMMISSION_ACK_PATH, { body }));
}

testRefusals([
  {
    name: "a request sent twice",
    request: async (harness) => {
      const request = await heartbeat(harness);
      assertEquals((await harness.fixture.post(request)).status, 200);
      return request;
    },
    answer: [409, "nonce_used", "Request nonce has already been used."],
  },
  {
    name: "a heartbeat for an unknown license",
    request: (harness) => heartbeat(harness, { license_key: "K2" }),
    answer: [404, "license_unknown", "License not found."],
  },
  {
    name: "an activation of an unknown license",
    request: (harness) => activation(harness, { license_key: "K2" }),
    answer: [404, "license_unknown", "License not found."],
  },
  {
    name: "a heartbeat of a machine that was never activated",
    request: ({ fixture, other }) =>
      fixture.sign(other, HEARTBEAT_PATH, { body: heartbeatBody(other, "K1") }),
    answer: [404, "machine_unknown", "Machine is not activated for this license."],
  },
  {
    name: "a machine above the limit",
    request: (harness) => activation(harness),
    answer: [
      403,
      "machine_limit",
      "Maximum machine limit reached for this license. In use: 1 of 1.",
    ],
  },
  {
    name: "a new public key for a known machine",
    request: async ({ fixture, machine }) => {
      const impostor = await makeMachine(machine.id);
      return await fixture.sign(impostor, ACTIVATE_PATH, { body: activateBody(impostor, "K1") });
    },
    answer: [
      409,
      "machine_key_conflict",
      "Machine is already activated with a different public key.",
    ],
  },
  {
    name: "an activation of a revoked license",
    request: async (harness) => {
      await changeLicense(harness.fixture.store, "revoke", { licenseKey: "K1", origin });
      return await activation(harness);
    },
    answer: [403, "license_revoked", "License has been revoked."],
  },
  {
    name: "an activation of a suspended license",
    request: async (harness) => {
      await changeLicense(harness.fixture.store, "suspend", { licenseKey: "K1", origin });
      return await activation(harness);
    },
    answer: [403, "license_suspended", "License is suspended."],
  },
  {
    name: "an activation the day after the license expired",
    request: async (harness) => {
      await harness.fixture.clock.advance(200 * DAY_MS);
      return activation(harness);
    },
    answer: [403, "license_expired", "License has expired (expiry: 2026-12-31)."],
  },
  {
    name: "an activation before the license begins",
    request: async (harness) => {
      await harness.fixture.register("K2", { issue_date: "2026-07-01" });
      return await activation(harness, { license_key: "K2" });
    },
    answer: [403, "license_not_yet_active", "License is not yet active (activates: 2026-07-01)."],
  },
  {
    name: "an activation of a hardware-bound license",
    request: async (harness) => {
      const { heartbeat_interval_minutes: _i, heartbeat_grace_period_days: _g, ...common } =
        standardPayload("H1");
      const license = parsePayload({
        ...common,
        license_type: "HARDWARE_BOUND",
        hardware_fingerprint: "0".repeat(64),
      });
      await registerLicense(harness.fixture.store, license, origin);
      return await activation(harness, { license_key: "H1" });
    },
    answer: [403, "license_hardware_bound", "Hardware-bound licenses are not activated online."],
  },
  {
    name: "a heartbeat of a decommissioned machine",
    request: async (harness) => {
      await decommission(harness);
      return await heartbeat(harness);
    },
    answer: DECOMMISSIONED,
  },
  {
    name: "a decommissioned machine that returns",
    request: async (harness) => {
      await decommission(harness);
      return await harness.fixture.sign(harness.machine, ACTIVATE_PATH, {
        body: activateBody(harness.machine, "K1"),
      });
    },
    answer: DECOMMISSIONED,
  },
  {
    name: "the release of a machine whose license does not allow it",
    request: async ({ fixture, machine }) => {
      await fixture.register("K3", { license_key: "K3" }, { allowsRelease: false });
      await fixture.activate(machine, "K3");
      return await fixture.sign(machine, DECOMMISSION_ACK_PATH, {
        body: acknowledgeBody(machine, "K3"),
      });
    },
    answer: [
      403,
      "release_forbidden",
      "This license does not allow machines to give their place back: ask the vendor.",
    ],
  },
]);
