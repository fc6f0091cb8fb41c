import { assertEquals } from "@std/assert";
import { decideAcknowledgement, decideHeartbeat } from "../../src/license_server/decisions.ts";
import type { StoredRecords } from "../../src/license_server/store.ts";
import { makeMachine } from "../support/test_machine.ts";
import { LicenseServerFixture } from "../support/license_server_fixture.ts";

/** Possible changes since the request's key was looked up. */
const CHANGES: [string, (records: StoredRecords) => StoredRecords, string][] = [
  ["the license is gone", (records) => ({ ...records, license: undefined }), "license_unknown"],
  ["the machine is gone", (records) => ({ ...records, machine: undefined }), "machine_unknown"],
  ["the nonce has been used", (records) => ({ ...records, isNonceUsed: true }), "nonce_used"],
];

for (
  const [name, decide] of [
    ["a heartbeat", decideHeartbeat],
    ["an acknowledgement", decideAcknowledgement],
  ] as const
) {
  for (const [what, change, code] of CHANGES) {
    Deno.test(`${name} is refused and writes nothing if ${what} meanwhile`, async () => {
      await using fixture = await LicenseServerFixture.open();
      await fixture.register("K1");
      const machine = await makeMachine();
      await fixture.activate(machine);
      const records = await fixture.store.read({ licenseKey: "K1", machineId: machine.id });
      const { outcome, changes } = decide(change(records), {
        body: { license_key: "K1", machine_id: machine.id, software_version: "1.0" },
        timestampSeconds: 0,
        nowMs: 0,
        address: "192.0.2.7",
      });
      assertEquals(outcome.kind === "refused" && outcome.refusal.code, code);
      assertEquals(changes, []);
    });
  }
}
