import { assert, assertEquals, assertMatch } from "@std/assert";
import { importPublicKeyPem, verifierOf, type Verify } from "../../src/signing/ecdsa.ts";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import { runSentinel, serveLicenses } from "../support/sentinel_program.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import {
  acknowledgeBody,
  activateBody,
  heartbeatBody,
  makeMachine,
  signedBy,
  type TestMachine,
  type WireRequest,
} from "../support/test_machine.ts";
import { readAnswer, type WireAnswer } from "../support/wire_answer.ts";

/** A vendor with a key, a database and one licence, `K1`. */
interface Vendor {
  readonly key: string;
  readonly database: string;
  readonly verify: Verify;
}

async function setUpVendor(folder: string, ...terms: string[]): Promise<Vendor> {
  const key = `${folder}/keys/org_private_key.pem`, database = `${folder}/licenses.db`;
  assertEquals((await runSentinel("vendor", "keygen", "--out", `${folder}/keys`)).code, 0);
  const issued = await runSentinel(
    ...["vendor", "issue", "--key", key, "--database", database, "--type", "standard"],
    ...["--org", "acme", "--software-id", "app", "--expires", "2099-12-31", "--license-key", "K1"],
    ...["--out", `${folder}/k1.lic`, ...terms],
  );
  assertEquals(issued, {
    code: 0,
    out: `license K1 written to ${folder}/k1.lic and registered in ${database}\n`,
    err: "",
  });
  const pem = await Deno.readTextFile(`${folder}/keys/org_public_key.pem`);
  return { key, database, verify: verifierOf((await importPublicKeyPem(pem))!) };
}

async function send(url: string, { path, headers, body }: WireRequest): Promise<Response> {
  return await fetch(url + path, { method: "POST", headers, body });
}

async function beat(url: string, machine: TestMachine, verify: Verify): Promise<WireAnswer> {
  const request = await signedBy(machine, HEARTBEAT_PATH, { body: heartbeatBody(machine, "K1") });
  return await readAnswer(await send(url, request), verify);
}

async function administer(vendor: Vendor, ...args: string[]): Promise<string> {
  const { code, out, err } = await runSentinel("vendor", ...args, "--database", vendor.database);
  assertEquals({ code, err }, { code: 0, err: "" });
  return out;
}

Deno.test("vendor serve takes a machine through its life: activated, suspended, reinstated, asked to leave, gone", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path, "--feature", "seats=5");
  await using server = await serveLicenses(
    ...["--key", vendor.key, "--database", vendor.database, "--port", "0"],
  );
  assertMatch(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const machine = await makeMachine();
  const activation = await signedBy(machine, ACTIVATE_PATH, {
    body: activateBody(machine, "K1"),
  });
  const activated = await readAnswer(await send(server.url, activation), vendor.verify);
  const { responded_at, ...fields } = activated.payload;
  assertMatch(String(responded_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assertEquals(fields, {
    status: "ACTIVE",
    machine_id: machine.id,
    license_key: "K1",
    expiry_date: "2099-12-31",
    heartbeat_interval_minutes: 60,
    heartbeat_grace_period_days: 7,
    features: { seats: 5 },
    request_nonce: activation.headers["X-Sentinel-Nonce"],
  });
  const status = async () => (await beat(server.url, machine, vendor.verify)).payload["status"];
  assertEquals(await status(), "ACTIVE");
  assertEquals(await administer(vendor, "suspend", "K1"), "license K1 is suspended\n");
  assertEquals(await status(), "SUSPENDED");
  assertEquals(await administer(vendor, "reinstate", "K1"), "license K1 is reinstated\n");
  assertEquals(await status(), "ACTIVE");
  assertEquals(
    await administer(vendor, "decommission", "K1", machine.id),
    `machine ${machine.id} is asked to leave license K1\n`,
  );
  assertEquals(await status(), "DECOMMISSION_PENDING");
  const leave = await signedBy(machine, DECOMMISSION_ACK_PATH, {
    body: acknowledgeBody(machine, "K1"),
  });
  const left = await readAnswer(await send(server.url, leave), vendor.verify);
  assertEquals(left.payload["status"], "DECOMMISSIONED");
  assertEquals((await beat(server.url, machine, vendor.verify)).status, 403);
  const listed = JSON.parse(await administer(vendor, "list", "--json")).licenses[0];
  assertEquals([listed.status, listed.active_machines], ["ACTIVE", 0]);
  assertEquals(listed.machines[0].status, "DECOMMISSIONED");
  const end = await server.stop("SIGTERM");
  assertEquals(end.code, 0);
  assertEquals(end.out, `listening on ${server.url}\n`);
});

Deno.test("a revoked license is told at the heartbeat and refused at activation", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await using server = await serveLicenses(
    ...["--key", vendor.key, "--database", vendor.database, "--port", "0"],
  );
  const machine = await makeMachine();
  const body = activateBody(machine, "K1");
  const first = await signedBy(machine, ACTIVATE_PATH, { body });
  assertEquals((await readAnswer(await send(server.url, first), vendor.verify)).status, 200);
  assertEquals(await administer(vendor, "revoke", "K1"), "license K1 is revoked\n");
  const told = await beat(server.url, machine, vendor.verify);
  assertEquals([told.status, told.payload["status"]], [200, "REVOKED"]);
  const again = await signedBy(machine, ACTIVATE_PATH, { body });
  const refused = await readAnswer(await send(server.url, again), vendor.verify);
  assertEquals([refused.status, refused.error], [403, "License has been revoked."]);
  const list = await administer(vendor, "list");
  assert(list.startsWith("K1  REVOKED  app  expires 2099-12-31  machines 1/1\n"), list);
});
