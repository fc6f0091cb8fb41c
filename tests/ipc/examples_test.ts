// Not on Windows: the examples connect to Unix sockets.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ProveLicense } from "../../src/ipc/proof_request.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { sealEnvelope } from "../../src/signing/envelope.ts";
import { IPC_EXAMPLES, IpcExample } from "../support/ipc_example.ts";
import { startServer } from "../support/ipc_server.ts";
import { makeOrganization, type Organization, standardPayload } from "../support/organization.ts";
import { testWith } from "../support/requirements.ts";

const MACHINE = "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11";
const vendor = await makeOrganization();
const stranger = await makeOrganization();

interface Proof {
  readonly license?: Record<string, Json>;
  readonly answer?: Record<string, Json>;
  /** Why there is no answer. */
  readonly reason?: string;
  readonly signer?: Organization;
}

/** What a server adds to its answer; genuine without changes. */
function prove({ license = {}, answer = {}, reason, signer = vendor }: Proof = {}): ProveLicense {
  return async ({ nonce }) => {
    const payload = standardPayload({ software_id: "web", ...license });
    const confirmed = {
      ...{ status: "ACTIVE", machine_id: MACHINE, license_key: "ACME-0001" },
      ...{ request_nonce: nonce!, responded_at: new Date().toISOString(), ...answer },
    };
    return {
      envelope: { alg: "ES256", ...await sealEnvelope(payload, signer.sign) },
      machine_id: MACHINE,
      ...(reason === undefined
        ? { answer: await sealEnvelope(confirmed, vendor.sign) }
        : { answer: null, reason }),
    };
  };
}

const REFUSED: Readonly<Record<string, Proof>> = {
  "a license that a stranger signed": { signer: stranger },
  "an expired license": { license: { expiry_date: "2021-01-01" } },
  "a license for other software": { license: { software_id: "rocket" } },
  "an old answer": { answer: { request_nonce: crypto.randomUUID() } },
  "an answer for another machine": { answer: { machine_id: crypto.randomUUID() } },
  "an answer for another license": { answer: { license_key: "ACME-0002" } },
  "a revocation": { answer: { status: "REVOKED" } },
};

for (const [file, { needs }] of Object.entries(IPC_EXAMPLES)) {
  testWith([needs], `the example ${file} accepts a genuine license, and nothing else`, async () => {
    await using example = await IpcExample.open(file, vendor);
    const run = async (prove: ProveLicense) => {
      await using running = await startServer({ prove });
      return await example.run(running.path);
    };
    const genuine = await run(prove());
    assertEquals(genuine.code, 0, genuine.output);
    for (const text of ["ACME-0001", '"seats"']) assertStringIncludes(genuine.output, text);
    const onGrace = await run(prove({ reason: "grace" }));
    assertEquals(onGrace.code, 0, onGrace.output);
    assertStringIncludes(onGrace.output, "the license server did not answer: ");
    for (const [what, proof] of Object.entries(REFUSED)) {
      const { code, output } = await run(prove(proof));
      assert(code !== 0, `${what}: ${output}`);
      assert(!output.includes("seats"), `${what}: ${output}`);
    }
  });
}
