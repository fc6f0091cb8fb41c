import {
  generateKeyPairDer,
  importPrivateKey,
  importPublicKeyPem,
  makeSigner,
  makeVerifier,
  type Sign,
  type Verify,
} from "../../src/signing/ecdsa.ts";
import type { Json } from "../../src/signing/canonical_json.ts";
import { sealEnvelope } from "../../src/signing/envelope.ts";
import { encodePem } from "../../src/signing/pem.ts";

/** A vendor with a key pair. */
export interface Organization {
  readonly publicKeyPem: string;
  readonly sign: Sign;
  readonly verify: Verify;
  /** The text of a `.lic` file with this payload. */
  license(payload: Record<string, Json>): Promise<string>;
}

export async function makeOrganization(): Promise<Organization> {
  const pair = await generateKeyPairDer();
  const publicKeyPem = encodePem(pair.publicKey, "PUBLIC KEY");
  const sign = makeSigner((await importPrivateKey(pair.privateKey))!);
  return {
    publicKeyPem,
    sign,
    verify: makeVerifier((await importPublicKeyPem(publicKeyPem))!),
    license: async (payload) =>
      JSON.stringify({ alg: "ES256", ...await sealEnvelope(payload, sign) }),
  };
}

/** The payload of a STANDARD license that is valid for long, with changes; `undefined` takes a field out. */
export function standardPayload(
  changes: Record<string, Json | undefined> = {},
): Record<string, Json> {
  return withChanges({
    v: 1,
    license_key: "ACME-0001",
    org_id: "acme",
    software_id: "rocket",
    license_type: "STANDARD",
    issue_date: "2020-01-01",
    expiry_date: "2999-12-31",
    max_machines: 2,
    features: { seats: 5, "name": "Zoë" },
    server_url: "http://127.0.0.1:9",
    heartbeat_interval_minutes: 1,
    heartbeat_grace_period_days: 1,
  }, changes);
}

/** The same for a HARDWARE_BOUND license. */
export function hardwareBoundPayload(
  changes: Record<string, Json | undefined> = {},
): Record<string, Json> {
  return withChanges(standardPayload(), {
    license_type: "HARDWARE_BOUND",
    server_url: undefined,
    heartbeat_interval_minutes: undefined,
    heartbeat_grace_period_days: undefined,
    hardware_fingerprint: "ab".repeat(32),
    ...changes,
  });
}

function withChanges(
  payload: Record<string, Json>,
  changes: Record<string, Json | undefined>,
): Record<string, Json> {
  const entries = Object.entries({ ...payload, ...changes });
  return Object.fromEntries(
    entries.filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}
