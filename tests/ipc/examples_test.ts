// Not on Windows: the examples connect to Unix sockets.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ProveLicense } from "../../src/ipc/proof_request.ts";
import { IPC_EXAMPLES, IpcExample } from "../support/ipc_example.ts";
import { startServer } from "../support/ipc_server.ts";
import { makeOrganization } from "../support/organization.ts";
import { type ProofChanges, proveAs } from "../support/proving_server.ts";
import { testWith } from "../support/requirements.ts";

const vendor = await makeOrganization();
const WEB = { software_id: "web" };

/** A proof for the software of the examples. */
function prove({ license, ...changes }: ProofChanges = {}): ProveLicense {
  return proveAs(vendor, { license: { ...WEB, ...license }, ...changes });
}

const REFUSED: Readonly<Record<string, ProofChanges>> = {
  "a license that a stranger signed": { signer: await makeOrganization() },
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
