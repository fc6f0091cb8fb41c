// Not on Windows: it ends programs by POSIX signals.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { importPublicKeyPem, makeVerifier, type Verify } from "../../src/signing/ecdsa.ts";
import {
  ACTIVATE_PATH,
  DECOMMISSION_ACK_PATH,
  HEARTBEAT_PATH,
} from "../../src/activation/messages.ts";
import { verifyLicense } from "../../src/license/license_file.ts";
import { checksumFile } from "../../src/license_server/issue_license_file.ts";
import { runProgram } from "../support/program.ts";
import { RawConnection } from "../support/remote_server_fixture.ts";
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
import { setUpVendor } from "../support/vendor_setup.ts";
import { readAnswer, type WireAnswer } from "../support/wire_answer.ts";

async function send(url: string, { path, headers, body }: WireRequest): Promise<Response> {
  return await fetch(url + path, { method: "POST", headers, body });
}

async function beat(url: string, machine: TestMachine, verify: Verify): Promise<WireAnswer> {
  const request = await signedBy(machine, HEARTBEAT_PATH, { body: heartbeatBody(machine, "K1") });
  return await readAnswer(await send(url, request), verify);
}

Deno.test("vendor serve handles a machine's life: activated, suspended, reinstated, decommissioned", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await using server = await vendor.serve();
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
    heartbeat_interval_minutes: 30,
    heartbeat_grace_period_days: 3,
    features: { seats: 5 },
    request_nonce: activation.headers["X-Sentinel-Nonce"],
  });
  const status = async () => (await beat(server.url, machine, vendor.verify)).payload["status"];
  assertEquals(await status(), "ACTIVE");
  assertEquals(await vendor.administer("suspend", "K1"), "license K1 is suspended\n");
  assertEquals(await status(), "SUSPENDED");
  assertEquals(await vendor.administer("reinstate", "K1"), "license K1 is reinstated\n");
  assertEquals(await status(), "ACTIVE");
  assertEquals(
    await vendor.administer("decommission", "K1", machine.id),
    `machine ${machine.id} will be removed from license K1\n`,
  );
  assertEquals(await status(), "DECOMMISSION_PENDING");
  const leave = await signedBy(machine, DECOMMISSION_ACK_PATH, {
    body: acknowledgeBody(machine, "K1"),
  });
  const left = await readAnswer(await send(server.url, leave), vendor.verify);
  assertEquals(left.payload["status"], "DECOMMISSIONED");
  assertEquals((await beat(server.url, machine, vendor.verify)).status, 403);
  const listed = JSON.parse(await vendor.administer("list", "--json")).licenses[0];
  assertEquals([listed.status, listed.active_machines], ["ACTIVE", 0]);
  assertEquals(listed.machines[0].status, "DECOMMISSIONED");
});

Deno.test("vendor decommission --lost frees a machine's place while vendor serve runs", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await using server = await vendor.serve();
  const machine = await makeMachine();
  const activation = await signedBy(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") });
  await readAnswer(await send(server.url, activation), vendor.verify);
  assertEquals(
    await vendor.administer("decommission", "K1", machine.id, "--lost"),
    `machine ${machine.id} is given up: its place on license K1 is free\n`,
  );
  const listed = JSON.parse(await vendor.administer("list", "--json")).licenses[0];
  assertEquals([listed.active_machines, listed.machines[0].status], [0, "LOST"]);
  const { payload } = await beat(server.url, machine, vendor.verify);
  assertEquals(payload["status"], "DECOMMISSION_PENDING");
});

Deno.test("keys made by keygen issue a license that the server knows and that verifies", async () => {
  await using folder = await temporaryFolder();
  const keys = folder.at("keys"), database = folder.at("a.db"), out = folder.at("a.lic");
  const key = `${keys}/org_private_key.pem`, publicKey = `${keys}/org_public_key.pem`;
  assertEquals(await runProgram(["vendor", "keygen", "--out", keys]), {
    code: 0,
    stdout: `private key written to ${key}\npublic key written to ${publicKey}\n`,
    stderr: "",
  });
  const issued = await runProgram([
    ...["vendor", "issue", "--key", key, "--database", database, "--type", "standard"],
    ...["--org", "acme", "--software-id", "app", "--issued", "2026-01-01"],
    ...["--expires", "2099-12-31", "--license-key", "K1", "--max-machines", "2", "--out", out],
    ...["--feature", "seats=5", "--feature", "tier=pro", "--feature", 'names=["a"]'],
    ...["--heartbeat-minutes", "10", "--grace-days", "2", "--server-url", "https://l.example/"],
    ...["--checksum", publicKey, "--json"],
  ]);
  assertEquals([issued.code, issued.stderr], [0, ""]);
  assertEquals(JSON.parse(issued.stdout), { license_key: "K1", file: out, registered: true });
  const verify = makeVerifier((await importPublicKeyPem(await Deno.readTextFile(publicKey)))!);
  assertEquals(await verifyLicense(await Deno.readTextFile(out), verify), {
    v: 1,
    license_key: "K1",
    org_id: "acme",
    software_id: "app",
    license_type: "STANDARD",
    issue_date: "2026-01-01",
    expiry_date: "2099-12-31",
    max_machines: 2,
    features: { seats: 5, tier: "pro", names: ["a"] },
    server_url: "https://l.example/",
    heartbeat_interval_minutes: 10,
    heartbeat_grace_period_days: 2,
    software_checksum: await checksumFile(publicKey),
  });
  const list = await runProgram(["vendor", "list", "--database", database]);
  assertEquals(list.stdout, "K1  ACTIVE  app  expires 2099-12-31 UTC  machines 0/2\n");
});

Deno.test("a revoked license is reported at the heartbeat and refused at activation", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await using server = await vendor.serve();
  const machine = await makeMachine();
  const body = activateBody(machine, "K1");
  const first = await signedBy(machine, ACTIVATE_PATH, { body });
  assertEquals((await readAnswer(await send(server.url, first), vendor.verify)).status, 200);
  assertEquals(await vendor.administer("revoke", "K1"), "license K1 is revoked\n");
  const told = await beat(server.url, machine, vendor.verify);
  assertEquals([told.status, told.payload["status"]], [200, "REVOKED"]);
  const again = await signedBy(machine, ACTIVATE_PATH, { body });
  const refused = await readAnswer(await send(server.url, again), vendor.verify);
  assertEquals([refused.status, refused.error], [403, "License has been revoked."]);
  const list = await vendor.administer("list");
  assert(list.startsWith("K1  REVOKED  app  expires 2099-12-31 UTC  machines 1/1\n"), list);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`vendor serve ends with 0 on ${signal}, says so, and leaves one closed database file`, async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    await using server = await vendor.serve();
    const machine = await makeMachine();
    const body = activateBody(machine, "K1");
    const request = await signedBy(machine, ACTIVATE_PATH, { body });
    assertEquals((await readAnswer(await send(server.url, request), vendor.verify)).status, 200);
    const { code, stdout, stderr } = await server.stop(signal);
    assertEquals([code, stdout], [0, `listening on ${server.url}\n`]);
    assertMatch(stderr, new RegExp(`Received signal ${signal}, shutting down\\.\\.\\.\\n$`));
    const files = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
    assertEquals(files.filter((name) => name.startsWith("licenses")), ["licenses.db"]);
  });
}

Deno.test("SIGTERM lets a pending request finish, and what was answered is stored", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await using server = await vendor.serve();
  const machine = await makeMachine();
  const { path, headers, body } = await signedBy(machine, ACTIVATE_PATH, {
    body: activateBody(machine, "K1"),
  });
  using peer = new RawConnection(await Deno.connect({ port: Number(new URL(server.url).port) }));
  const lines = Object.entries({
    ...headers,
    ...{ Host: "server", "Content-Length": body.length, Expect: "100-continue" },
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  await peer.send(`POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
  // who is told to go on is being waited for; RFC 9110, section 10.1.1
  assertEquals(await peer.read(/\r\n\r\n/), "HTTP/1.1 100 Continue\r\n\r\n");
  const ended = server.stop("SIGTERM");
  await server.stderr.match(/Received signal SIGTERM/);
  await peer.send(new TextDecoder().decode(body));
  const answer = await peer.read();
  assertMatch(answer, /^HTTP\/1\.1 200 OK\r\n/);
  const response = new Response(answer.slice(answer.indexOf("\r\n\r\n")));
  assertEquals((await readAnswer(response, vendor.verify)).payload["status"], "ACTIVE");
  assertEquals((await ended).code, 0);
  const listed = JSON.parse(await vendor.administer("list", "K1", "--json")).licenses[0];
  assertEquals(listed.active_machines, 1);
});

Deno.test("a server killed while working has stored everything it answered", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path, { max_machines: 100 });
  await using server = await vendor.serve();
  const machines = await Promise.all(Array.from({ length: 40 }, () => makeMachine()));
  const requests = await Promise.all(
    machines.map((machine) =>
      signedBy(machine, ACTIVATE_PATH, { body: activateBody(machine, "K1") })
    ),
  );
  let killed: Promise<unknown> | undefined;
  const answers = await Promise.allSettled(requests.map(async (request, i) => {
    await readAnswer(await send(server.url, request), vendor.verify);
    killed ??= server.stop("SIGKILL");
    return machines[i]!.id;
  }));
  await killed;
  const listed = JSON.parse(await vendor.administer("list", "K1", "--json")).licenses[0];
  const stored = new Set(
    listed.machines.map(({ machine_id }: { machine_id: string }) => machine_id),
  );
  const answered = answers.flatMap((answer) => answer.status === "fulfilled" ? [answer.value] : []);
  assert(answered.length > 0);
  assertEquals(answered.filter((id) => !stored.has(id)), []);
  assertEquals(listed.active_machines, stored.size);
});
