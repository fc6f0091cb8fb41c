import { isObject } from "../core/strict_json.ts";
import { isHttpUrl } from "../core/text.ts";
import * as v from "valibot";
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

const text = v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty"));
const date = v.pipe(
  v.string("must be a date (YYYY-MM-DD)"),
  v.check(isCalendarDate, "must be a date (YYYY-MM-DD)"),
);
const positiveInteger = v.pipe(
  v.number("must be an integer"),
  v.safeInteger("must be an integer"),
  v.minValue(1, "must be at least 1"),
);
const features = v.custom<Record<string, Json>>(isObject, "must be an object");
const httpUrl = v.pipe(
  v.string("must be an http(s) URL"),
  v.check(isHttpUrl, "must be an http(s) URL"),
);
const fingerprint = v.pipe(
  text,
  v.check((text) => parseFingerprint(text) !== undefined, "must be a v1 or v2 fingerprint"),
);
const checksum = v.pipe(
  v.string("must be a string"),
  v.regex(/^[0-9a-fA-F]{64}$/, "must be 64 hex digits (SHA-256)"),
);

const COMMON = {
  v: v.literal(PAYLOAD_VERSION),
  license_key: text,
  org_id: text,
  software_id: text,
  issue_date: date,
  expiry_date: date,
  max_machines: positiveInteger,
  features,
  software_checksum: v.optional(checksum),
};

const STANDARD = {
  ...COMMON,
  license_type: v.literal("STANDARD"),
  server_url: v.optional(httpUrl),
  heartbeat_interval_minutes: positiveInteger,
  heartbeat_grace_period_days: positiveInteger,
};

const HARDWARE_BOUND = {
  ...COMMON,
  license_type: v.literal("HARDWARE_BOUND"),
  hardware_fingerprint: fingerprint,
};

/** A license that needs heartbeats to the vendor's server. */
export type StandardLicense = v.InferOutput<v.ObjectSchema<typeof STANDARD, undefined>>;

/** A license for one machine; needs no server. */
export type HardwareBoundLicense = v.InferOutput<v.ObjectSchema<typeof HARDWARE_BOUND, undefined>>;

/** A license's payload, with the file's field names. */
export type License = StandardLicense | HardwareBoundLicense;

/** Schema, required fields and forbidden fields of each license type. */
const RULES = {
  STANDARD: {
    schema: v.looseObject(STANDARD),
    required: ["heartbeat_interval_minutes", "heartbeat_grace_period_days"],
    forbidden: ["hardware_fingerprint"],
  },
  HARDWARE_BOUND: {
    schema: v.looseObject(HARDWARE_BOUND),
    required: ["hardware_fingerprint"],
    forbidden: ["heartbeat_interval_minutes", "heartbeat_grace_period_days", "server_url"],
  },
} as const;

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
  const result = v.safeParse(rules.schema, fields, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const field = String(issue.path?.[0].key);
  throw makePayloadError(field, Object.hasOwn(fields, field) ? issue.message : "is missing");
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
