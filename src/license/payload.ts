import { isObject } from "../core/strict_json.ts";
import { isHttpUrl } from "../core/text.ts";
import { LicenseError, makePayloadError, MALFORMED_PAYLOAD } from "./errors.ts";
import type { Json } from "../signing/canonical_json.ts";
import { parseFingerprint } from "./fingerprint.ts";

/** Whether the text is an existing day, `YYYY-MM-DD`. */
function isCalendarDate(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  const time = Date.parse(`${text}T00:00:00Z`);
  return Number.isFinite(time) && formatUtcDate(time) === text;
}

/** Formats a time (milliseconds since the Unix epoch) as a UTC day, `YYYY-MM-DD`. */
export function formatUtcDate(wallMs: number): string {
  return new Date(wallMs).toISOString().slice(0, 10);
}

/** Formats a time (milliseconds since the Unix epoch) as a UTC minute, `YYYY-MM-DD HH:MM UTC`. */
function formatUtcMinute(wallMs: number): string {
  return `${new Date(wallMs).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/**
 * Checks a license's dates, both ends inclusive. The messages show the time: dates are in UTC, and a clock may be wrong.
 *
 * @throws {LicenseError} `license.not_yet_active` or `license.expired`.
 */
export function checkDates(
  license: { readonly issue_date: string; readonly expiry_date: string },
  wallMs: number,
): void {
  if (!hasBegun(license, wallMs)) {
    throw new LicenseError(
      "license.not_yet_active",
      `license is not yet active (activates: ${license.issue_date}); dates are in UTC, and the clock shows ` +
        `${formatUtcMinute(wallMs)}: set it if it is behind`,
    );
  }
  if (formatUtcDate(wallMs) > license.expiry_date) {
    throw new LicenseError(
      "license.expired",
      `license has expired (expiry: ${license.expiry_date}); dates are in UTC, and it is ` +
        formatUtcMinute(wallMs),
    );
  }
}

/** Whether a license's first day (UTC) has come. */
export function hasBegun({ issue_date }: { readonly issue_date: string }, wallMs: number): boolean {
  return formatUtcDate(wallMs) >= issue_date;
}

/** The only supported `v` of a payload. */
export const PAYLOAD_VERSION = 1;

/** Returns what is wrong with a field's value. By hand: one fixed shape is not worth a library's loading at each start. */
type Check = (value: unknown) => string | undefined;

const checkText: Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  return value === "" ? "must not be empty" : undefined;
};

const checkPositiveInteger: Check = (value) => {
  if (!Number.isSafeInteger(value)) return "must be an integer";
  return Number(value) < 1 ? "must be at least 1" : undefined;
};

const checkDate: Check = (value) =>
  typeof value === "string" && isCalendarDate(value) ? undefined : "must be a date (YYYY-MM-DD)";

const checkFeatures: Check = (value) => isObject(value) ? undefined : "must be an object";

const checkHttpUrl: Check = (value) =>
  typeof value === "string" && isHttpUrl(value) ? undefined : "must be an http(s) URL";

const checkFingerprint: Check = (value) =>
  checkText(value) ??
    (parseFingerprint(String(value)) === undefined ? "must be a v1 or v2 fingerprint" : undefined);

const checkChecksum: Check = (value) => {
  if (typeof value !== "string") return "must be a string";
  return /^[0-9a-fA-F]{64}$/.test(value) ? undefined : "must be 64 hex digits (SHA-256)";
};

/** For fields that are checked before all others. */
const isChecked: Check = () => undefined;

const COMMON: Readonly<Record<string, Check>> = {
  v: isChecked,
  license_key: checkText,
  org_id: checkText,
  software_id: checkText,
  issue_date: checkDate,
  expiry_date: checkDate,
  max_machines: checkPositiveInteger,
  features: checkFeatures,
  software_checksum: checkChecksum,
  license_type: isChecked,
};

const OPTIONAL: ReadonlySet<string> = new Set(["software_checksum", "server_url"]);

interface Terms {
  v: typeof PAYLOAD_VERSION;
  license_key: string;
  org_id: string;
  software_id: string;
  issue_date: string;
  expiry_date: string;
  max_machines: number;
  features: Record<string, Json>;
  software_checksum?: string | undefined;
}

/** A license that needs heartbeats to the vendor's server. */
export interface StandardLicense extends Terms {
  license_type: "STANDARD";
  server_url?: string | undefined;
  heartbeat_interval_minutes: number;
  heartbeat_grace_period_days: number;
}

/** A license for one machine; needs no server. */
export interface HardwareBoundLicense extends Terms {
  license_type: "HARDWARE_BOUND";
  hardware_fingerprint: string;
}

/** A license's payload, with the file's field names. */
export type License = StandardLicense | HardwareBoundLicense;

/** Known fields in order, required fields and forbidden fields of each license type. */
const RULES: Readonly<
  Record<License["license_type"], {
    readonly checks: Readonly<Record<string, Check>>;
    readonly required: readonly string[];
    readonly forbidden: readonly string[];
  }>
> = {
  STANDARD: {
    checks: {
      ...COMMON,
      server_url: checkHttpUrl,
      heartbeat_interval_minutes: checkPositiveInteger,
      heartbeat_grace_period_days: checkPositiveInteger,
    },
    required: ["heartbeat_interval_minutes", "heartbeat_grace_period_days"],
    forbidden: ["hardware_fingerprint"],
  },
  HARDWARE_BOUND: {
    checks: { ...COMMON, hardware_fingerprint: checkFingerprint },
    required: ["hardware_fingerprint"],
    forbidden: ["heartbeat_interval_minutes", "heartbeat_grace_period_days", "server_url"],
  },
};

/**
 * Parses a payload's JSON value. Keeps unknown fields, after the known ones.
 *
 * @throws {LicenseError} Names the first invalid field.
 */
export function parsePayload(payload: unknown): License {
  if (!isObject(payload)) throw new LicenseError("license.malformed", MALFORMED_PAYLOAD);
  checkVersion(payload["v"]);
  const type = payload["license_type"];
  if (type === undefined) throw makePayloadError("license_type", "is missing");
  if (type !== "STANDARD" && type !== "HARDWARE_BOUND") {
    throw makePayloadError("license_type", "must be STANDARD or HARDWARE_BOUND");
  }
  const rules = RULES[type];
  const fields = fillAbsentFields(payload);
  for (const field of rules.required) {
    if (!Object.hasOwn(fields, field)) {
      throw new LicenseError("license.missing_field", `${type} license missing ${field}`);
    }
  }
  for (const field of rules.forbidden) {
    if (Object.hasOwn(fields, field)) {
      throw makePayloadError(field, `must not be set for ${type} licenses`);
    }
  }
  return orderFields(fields, rules.checks) as unknown as License;
}

/** Checks the known fields, and puts them before the unknown ones. @throws {LicenseError} */
function orderFields(
  fields: Readonly<Record<string, unknown>>,
  checks: Readonly<Record<string, Check>>,
): Record<string, unknown> {
  const known: [string, unknown][] = [];
  for (const [name, check] of Object.entries(checks)) {
    if (!Object.hasOwn(fields, name)) {
      if (OPTIONAL.has(name)) continue;
      throw makePayloadError(name, "is missing");
    }
    const fault = check(fields[name]);
    if (fault !== undefined) throw makePayloadError(name, fault);
    known.push([name, fields[name]]);
  }
  const unknown = Object.entries(fields).filter(([name]) => !Object.hasOwn(checks, name));
  return Object.fromEntries([...known, ...unknown]);
}

/** Fields in which null means that the field is absent, as issuers write it whose language has no other word for it. */
const NULLABLE: ReadonlySet<string> = new Set([
  "features",
  "server_url",
  "heartbeat_interval_minutes",
  "heartbeat_grace_period_days",
  "hardware_fingerprint",
  "software_checksum",
]);

/** Leaves out fields that are null; absent features are none. */
function fillAbsentFields(payload: Record<string, unknown>): Record<string, unknown> {
  const present = Object.entries(payload)
    .filter(([name, value]) => value !== null || !NULLABLE.has(name));
  return { features: {}, ...Object.fromEntries(present) };
}

function checkVersion(version: unknown): void {
  if (version === undefined) throw makePayloadError("v", "is missing");
  if (!Number.isInteger(version)) throw makePayloadError("v", "must be an integer");
  if (version !== PAYLOAD_VERSION) {
    throw new LicenseError(
      "license.version",
      `license version ${version} is not supported (expected ${PAYLOAD_VERSION})`,
    );
  }
}
