import { assertEquals, assertRejects } from "@std/assert";
import { askForProof } from "../../src/app/license_proof.ts";
import { SentinelError } from "../../src/core/errors.ts";
import type { ProveLicense } from "../../src/ipc/proof_request.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { startServer } from "../support/ipc_server.ts";
import { makeOrganization } from "../support/organization.ts";
import { type ProofChanges, proveAs, PROVEN_MACHINE } from "../support/proving_server.ts";

const vendor = await makeOrganization();

async function ask(prove: ProveLicense) {
  await using running = await startServer({ prove });
  const orgKey = { pem: vendor.publicKeyPem };
  return await askForProof({ path: running.path, orgKey, clock: new FakeClock() });
}

const GENUINE = "license file: genuine, ACME-0001, valid to 2999-12-31";

Deno.test("a genuine proof shows the license, and that its server knows this machine, on a wrong clock too", async () => {
  assertEquals((await ask(proveAs(vendor))).shown, [
    GENUINE,
    `license server: ACTIVE for machine ${PROVEN_MACHINE} right now`,
  ]);
});

Deno.test("without the server's answer, the license file alone is shown, and why", async () => {
  assertEquals((await ask(proveAs(vendor, { reason: "grace" }))).shown, [
    GENUINE,
    "license server: no answer (grace)",
  ]);
});

const NOT_PROVEN = "the answer does not prove the license: unverified answer";
const FALSE: readonly (readonly [string, ProofChanges, string])[] = [
  [
    "a license of a stranger's",
    { signer: await makeOrganization() },
    "license signature verification failed",
  ],
  [
    "an old answer",
    { answer: { request_nonce: crypto.randomUUID() } },
    `${NOT_PROVEN}: it answers another request`,
  ],
  [
    "an answer for another machine",
    { answer: { machine_id: "M" } },
    `${NOT_PROVEN}: it is for another machine`,
  ],
];

for (const [what, changes, message] of FALSE) {
  Deno.test(`${what} proves nothing`, async () => {
    const error = await assertRejects(() => ask(proveAs(vendor, changes)), SentinelError);
    assertEquals([error.code.split(".")[0], error.message], ["license", message]);
  });
}

Deno.test("an answer without a license file proves nothing", async () => {
  const none = () => Promise.resolve({ envelope: null, answer: null, reason: "unreachable" });
  const error = await assertRejects(() => ask(none), SentinelError);
  assertEquals(error.message, "the answer does not prove the license: it has no license file");
});
