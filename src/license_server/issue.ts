import { SentinelError } from "../core/errors.ts";
import { hasControls } from "../core/text.ts";
import { findFingerprintWeakness, parseFingerprint } from "../license/fingerprint.ts";
import type { FingerprintWeakness } from "../license/fingerprint_strength.ts";
import { type License, parsePayload, PAYLOAD_VERSION } from "../license/payload.ts";
import { LICENSE_ALGORITHM } from "../license/license_file.ts";
import type { Json } from "../signing/canonical_json.ts";
import type { Sign } from "../signing/ecdsa.ts";
import { sealEnvelope } from "../signing/envelope.ts";
import type { LicenseStore } from "./store.ts";

/** Heartbeat defaults of a STANDARD license. */
const DEFAULT_HEARTBEAT_MINUTES = 60;
const DEFAULT_GRACE_DAYS = 7;

/** A license's terms; `undefined` ones take their default or are omitted. Dates are `YYYY-MM-DD`, UTC. */
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
  /** Allows a fingerprint that similar machines have, too (default: no). */
  readonly allowsWeakFingerprint?: boolean;
  /** SHA-256 of the software, hex. */
  readonly softwareChecksum: string | undefined;
}

interface IssuedLicense {
  readonly license: License;
  readonly fileText: string;
  /** The weakness of its fingerprint, if any. */
  readonly weakness: FingerprintWeakness | undefined;
}

/** Crockford's base 32, which avoids ambiguous letters (https://www.crockford.com/base32.html). */
const KEY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/**
 * Makes a license key: 125 random bits as five groups of five, such as `7K3QD-…`.
 *
 * @param randomBytes Cryptographic source.
 */
export function makeLicenseKey(randomBytes: (length: number) => Uint8Array): string {
  const letters = Array.from(randomBytes(25), (byte) => KEY_ALPHABET[byte % 32]!).join("");
  return letters.match(/.{5}/g)!.join("-");
}

/**
 * Signs a license after it passes the check that a customer's Sentinel applies.
 *
 * @throws {SentinelError} `config.license` Names the invalid term.
 */
export async function issueLicense(terms: LicenseTerms, sign: Sign): Promise<IssuedLicense> {
  const payload = buildPayload(terms);
  const license = checkPayload(payload);
  if (license.expiry_date < license.issue_date) {
    throw new SentinelError(
      "config.license",
      `expiry date ${license.expiry_date} is before issue date ${license.issue_date}`,
    );
  }
  for (const field of ["license_key", "org_id", "software_id"] as const) {
    if (!hasControls(license[field])) continue;
    throw new SentinelError("config.license", `cannot issue: ${field} has control characters`);
  }
  const weakness = checkFingerprint(license, terms);
  const envelope = await sealEnvelope(payload, sign);
  return {
    license,
    weakness,
    fileText: JSON.stringify({ alg: LICENSE_ALGORITHM, ...envelope }) + "\n",
  };
}

/**
 * Registers a license with the license server.
 *
 * @param options Time (milliseconds since the Unix epoch) and actor for the audit row; whether machines may give their places
 *   back by themselves.
 * @throws {SentinelError} `config.license_exists` The key is taken.
 */
export async function registerLicense(
  store: LicenseStore,
  license: License,
  { atMs, actor, allowsRelease = true }: { atMs: number; actor: string; allowsRelease?: boolean },
): Promise<void> {
  const isNew = await store.decide(
    { licenseKey: license.license_key },
    (records) =>
      records.license !== undefined ? { outcome: false, changes: [] } : {
        outcome: true,
        changes: [{
          kind: "register_license",
          license,
          allowsRelease,
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

function buildPayload(terms: LicenseTerms): { readonly [field: string]: Json } {
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

/** @throws {SentinelError} `config.license` Similar machines have the same fingerprint, and the terms do not allow that. */
function checkFingerprint(
  license: License,
  { allowsWeakFingerprint = false }: LicenseTerms,
): FingerprintWeakness | undefined {
  if (license.license_type !== "HARDWARE_BOUND") return undefined;
  const weakness = findFingerprintWeakness(parseFingerprint(license.hardware_fingerprint)!);
  if (weakness?.kind !== "unbound" || allowsWeakFingerprint) return weakness;
  throw new SentinelError(
    "config.license",
    `cannot issue: ${weakness.message} (--weak-fingerprint issues it all the same)`,
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
