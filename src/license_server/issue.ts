import { SentinelError } from "../core/errors.ts";
import { type License, parsePayload, PAYLOAD_VERSION } from "../license/payload.ts";
import { LICENSE_ALGORITHM } from "../license/license_file.ts";
import type { Json } from "../signing/canonical_json.ts";
import type { Sign } from "../signing/ecdsa.ts";
import { sealEnvelope } from "../signing/envelope.ts";
import type { LicenseStore } from "./store.ts";

/** Heartbeat of a STANDARD license where nothing else is asked for. */
const DEFAULT_HEARTBEAT_MINUTES = 60;
const DEFAULT_GRACE_DAYS = 7;

/** What a license is to say; what is `undefined` is left out or has its default. Dates are `YYYY-MM-DD`, UTC. */
export interface LicenseTerms {
  readonly licenseKey: string;
  readonly type: License["license_type"];
  readonly orgId: string;
  readonly softwareId: string;
  readonly issueDate: string;
  readonly expiryDate: string;
  readonly maxMachines: number | undefined;
  readonly features: Readonly<Record<string, Json>>;
  readonly serverUrl: string | undefined;
  readonly heartbeatMinutes: number | undefined;
  readonly graceDays: number | undefined;
  readonly fingerprint: string | undefined;
  /** SHA-256 of the software, hex. */
  readonly softwareChecksum: string | undefined;
}

/** A license and the text of its file. */
interface IssuedLicense {
  readonly license: License;
  readonly fileText: string;
}

/** Base 32 without the letters that are taken for digits (https://www.crockford.com/base32.html). */
const KEY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/**
 * A new license key: 125 random bits as five groups of five, such as `7K3QD-…`.
 *
 * @param randomBytes Gives that many bytes from a cryptographic source.
 */
export function makeLicenseKey(randomBytes: (length: number) => Uint8Array): string {
  const letters = Array.from(randomBytes(25), (byte) => KEY_ALPHABET[byte % 32]!).join("");
  return letters.match(/.{5}/g)!.join("-");
}

/**
 * Signs a license, after it has passed the very check that it will meet at the customer's.
 *
 * @throws {SentinelError} `config.license` naming the term that is not as it must be.
 */
export async function issueLicense(terms: LicenseTerms, sign: Sign): Promise<IssuedLicense> {
  const payload = payloadOf(terms);
  const license = checkPayload(payload);
  if (license.expiry_date < license.issue_date) {
    throw new SentinelError(
      "config.license",
      `expiry date ${license.expiry_date} is before issue date ${license.issue_date}`,
    );
  }
  const envelope = await sealEnvelope(payload, sign);
  return { license, fileText: JSON.stringify({ alg: LICENSE_ALGORITHM, ...envelope }) + "\n" };
}

/**
 * Makes a license known to the license server.
 *
 * @param origin When (milliseconds since the Unix epoch) and who, for the audit row.
 * @throws {SentinelError} `config.license_exists` where the key is taken.
 */
export async function registerLicense(
  store: LicenseStore,
  license: License,
  { atMs, actor }: { atMs: number; actor: string },
): Promise<void> {
  const isNew = await store.decide(
    { licenseKey: license.license_key },
    (facts) =>
      facts.license !== undefined ? { outcome: false, changes: [] } : {
        outcome: true,
        changes: [{
          kind: "register_license",
          license,
          audit: { action: "license.registered", atMs, actor },
        }],
      },
  );
  if (!isNew) {
    throw new SentinelError(
      "config.license_exists",
      `license is already registered: ${license.license_key}`,
    );
  }
}

function payloadOf(terms: LicenseTerms): { readonly [field: string]: Json } {
  const isStandard = terms.type === "STANDARD";
  const fields: Record<string, Json | undefined> = {
    v: PAYLOAD_VERSION,
    license_key: terms.licenseKey,
    org_id: terms.orgId,
    software_id: terms.softwareId,
    license_type: terms.type,
    issue_date: terms.issueDate,
    expiry_date: terms.expiryDate,
    max_machines: terms.maxMachines ?? 1,
    features: terms.features,
    server_url: terms.serverUrl,
    heartbeat_interval_minutes: terms.heartbeatMinutes ??
      (isStandard ? DEFAULT_HEARTBEAT_MINUTES : undefined),
    heartbeat_grace_period_days: terms.graceDays ?? (isStandard ? DEFAULT_GRACE_DAYS : undefined),
    hardware_fingerprint: terms.fingerprint,
    software_checksum: terms.softwareChecksum,
  };
  return Object.fromEntries(
    Object.entries(fields).filter((entry): entry is [string, Json] => entry[1] !== undefined),
  );
}

function checkPayload(payload: unknown): License {
  try {
    return parsePayload(payload);
  } catch (error) {
    if (!(error instanceof SentinelError)) throw error;
    throw new SentinelError("config.license", `cannot issue: ${error.message}`, { cause: error });
  }
}
