import type { ProveLicense } from "../../src/ipc/proof_request.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { sealEnvelope } from "../../src/signing/envelope.ts";
import { type Organization, standardPayload } from "./organization.ts";

export const PROVEN_MACHINE = "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11";

/** Changes of a proof. */
export interface ProofChanges {
  /** In the license's payload. */
  readonly license?: Record<string, Json>;
  /** In the payload of the license server's answer. */
  readonly answer?: Record<string, Json>;
  /** Why there is no answer. */
  readonly reason?: string;
  /** Signs the license, instead of the vendor. */
  readonly signer?: Organization;
}

/** Proves a license of the vendor's for {@linkcode PROVEN_MACHINE}, genuine without changes. */
export function proveAs(
  vendor: Organization,
  { license, answer, reason, signer = vendor }: ProofChanges = {},
): ProveLicense {
  return async ({ nonce = "" }) => {
    const confirmed = {
      ...{ status: "ACTIVE", machine_id: PROVEN_MACHINE, license_key: "ACME-0001" },
      ...{ request_nonce: nonce, responded_at: new Date().toISOString(), ...answer },
    };
    return {
      envelope: { alg: "ES256", ...await sealEnvelope(standardPayload(license), signer.sign) },
      machine_id: PROVEN_MACHINE,
      ...(reason === undefined
        ? { answer: await sealEnvelope(confirmed, vendor.sign) }
        : { answer: null, reason }),
    };
  };
}
