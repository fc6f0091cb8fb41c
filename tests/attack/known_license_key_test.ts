/**
 * The attacker knows a customer's license key. He takes the license's places with machines of his own, and fills the vendor's
 * database by activating one of them again and again. The vendor closes the license and blocks his machines.
 */
import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ACTIVATE_PATH, HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { blockMachine, closeLicense } from "../../src/license_server/seats.ts";
import type { Doubles } from "../support/doubles.ts";
import { openStore } from "../support/license_server_fixture.ts";
import { startProgram } from "../support/program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import {
  activateBody,
  heartbeatBody,
  makeMachine,
  signedBy,
  type TestMachine,
} from "../support/test_machine.ts";
import { setUpVendor } from "../support/vendor_setup.ts";
import { readAnswer } from "../support/wire_answer.ts";

const ORIGIN = { atMs: 0, actor: "test" };
const STORM = 20;

/** A license server for which closed licenses are open, and each activation is an event. */
const CARELESS: Doubles = {
  "src/license_server/decisions.ts": [
    ["if (license.isClosed) return", "if (false as boolean) return"],
    ['if (machine?.status === "BLOCKED") return refuse(REFUSALS.blocked);', ""],
    [
      "      ...place.audit,\n",
      '      audit: { action: "again", atMs: request.nowMs, actor: request.address },\n',
    ],
  ],
};

/** What the attacker gets from a license with two places, before and after the vendor has acted. */
async function attack(doubles?: Doubles) {
  await using folder = await temporaryFolder();
  const { keyPath, database, verify } = await setUpVendor(folder.path, { max_machines: 3 });
  await using program = startProgram(
    ["vendor", "serve", "--key", keyPath, "--database", database, "--port", "0"],
    { doubles },
  );
  const [, url] = await program.stdout.match(/^listening on (\S+)\n/m);
  const ask = async (machine: TestMachine, isActivation: boolean) => {
    const signed = await signedBy(machine, isActivation ? ACTIVATE_PATH : HEARTBEAT_PATH, {
      body: (isActivation ? activateBody : heartbeatBody)(machine, "K1"),
    });
    const { path, headers, body } = signed;
    const response = await fetch(url + path, { method: "POST", headers, body });
    const { payload } = await readAnswer(response, verify);
    return payload["code"] ?? payload["status"];
  };
  const first = await makeMachine(), second = await makeMachine();
  const taken = await ask(first, true);
  for (let i = 0; i < STORM; i++) await ask(first, true);
  {
    await using store = await openStore(database);
    await closeLicense(store, { licenseKey: "K1", isClosed: true }, ORIGIN);
    const block = { licenseKey: "K1", machineId: first.id, isBlocked: true };
    await blockMachine(store, block, ORIGIN);
  }
  const blocked = await ask(first, false);
  const again = await ask(first, true), another = await ask(second, true);
  using db = new DatabaseSync(database, { readOnly: true });
  const rows = db.prepare("SELECT 1 FROM audit WHERE machine_id = ?").all(first.id).length;
  return { taken, blocked, again, another, rows };
}

Deno.test("a license whose key is known can be closed, its machines blocked, and nothing is filled", async () => {
  assertEquals(await attack(), {
    taken: "ACTIVE",
    blocked: "DECOMMISSION_PENDING",
    again: "machine_blocked",
    another: "license_closed",
    // its activation, and that it was blocked
    rows: 2,
  });
  const { again, another, rows } = await attack(CARELESS);
  assertEquals([again, another, rows], ["ACTIVE", "ACTIVE", STORM + 3], "the attack");
});
