import * as v from "valibot";
import { validate as isUuidV4 } from "@std/uuid/v4";

/** The server's paths. The trailing slash is part of the signed bytes. */
export const ACTIVATE_PATH = "/api/v1/drm/activate/";
export const HEARTBEAT_PATH = "/api/v1/drm/heartbeat/";
export const DECOMMISSION_ACK_PATH = "/api/v1/drm/decommission-ack/";

/** Limit of a request's body. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/** Limit of an answer's body. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Largest accepted clock difference. */
export const MAX_CLOCK_SKEW_SECONDS = 300;

/** Platform names in the protocol. */
const PLATFORMS = [
  "LINUX_AMD64",
  "LINUX_ARM64",
  "WINDOWS_AMD64",
  "WINDOWS_ARM64",
  "DARWIN_AMD64",
  "DARWIN_ARM64",
] as const;

const text = v.pipe(v.string("must be a string"), v.minLength(1, "must not be empty"));
const uuidV4 = v.pipe(v.string("must be a string"), v.check(isUuidV4, "must be a UUID v4"));

export const activateRequestSchema = v.object({
  license_key: text,
  machine_id: uuidV4,
  machine_public_key_pem: text,
  platform: v.picklist(PLATFORMS, "is not a known platform"),
  software_version: v.string("must be a string"),
});
export const heartbeatRequestSchema = v.object({
  license_key: text,
  machine_id: uuidV4,
  software_version: v.string("must be a string"),
});
export const decommissionAckRequestSchema = v.object({ license_key: text, machine_id: uuidV4 });

export type ActivateRequest = v.InferOutput<typeof activateRequestSchema>;
export type HeartbeatRequest = v.InferOutput<typeof heartbeatRequestSchema>;
export type DecommissionAckRequest = v.InferOutput<typeof decommissionAckRequestSchema>;

/** Fields of every signed payload: the request's nonce and the time of the answer (RFC 3339). */
const SIGNED = { request_nonce: v.string(), responded_at: v.pipe(v.string(), v.isoTimestamp()) };

/** The fields of an answer's payload that the client depends on. */
export const answerPayloadSchema = v.object({
  ...SIGNED,
  status: v.string(),
  machine_id: v.string(),
  license_key: v.string(),
});
/** A refusal's payload; it names what the request was about if the request could be read. */
export const refusalPayloadSchema = v.object({
  ...SIGNED,
  error: v.string(),
  code: v.optional(v.string()),
  license_key: v.optional(v.string()),
  machine_id: v.optional(v.string()),
});

export type AnswerPayload = v.InferOutput<typeof answerPayloadSchema>;

/** A heartbeat answer's `status`. */
export type LicenseStatus = "ACTIVE" | "DECOMMISSION_PENDING" | "REVOKED" | "EXPIRED" | "SUSPENDED";

/**
 * Codes of refusals that are about a request's form or time. They decide nothing about the license: a wrong clock, a proxy or
 * a busy server causes them.
 */
const FORM_CODES: readonly RegExp[] = [
  /^(?:timestamp_out_of_window|nonce_used|signature_invalid|malformed_json)$/,
  /^(?:invalid_header|invalid_field|machine_id_mismatch|not_found|too_many_requests|busy)$/,
  /^body_/,
];

export function isFormCode(code: string | undefined): boolean {
  return code !== undefined && FORM_CODES.some((pattern) => pattern.test(code));
}

/** Codes by which the server decides about a license or a machine, and the status that the code stands for. */
const DECIDING_CODES: ReadonlyMap<string, LicenseStatus | undefined> = new Map([
  ["license_revoked", "REVOKED"],
  ["license_suspended", "SUSPENDED"],
  ["license_expired", "EXPIRED"],
  ["license_unknown", undefined],
  ["license_not_yet_active", undefined],
  ["license_hardware_bound", undefined],
  ["license_closed", undefined],
  ["machine_limit", undefined],
  ["machine_blocked", undefined],
  ["machine_key_conflict", undefined],
  ["machine_decommissioned", undefined],
]);

export function isDecidingCode(code: string | undefined): boolean {
  return code !== undefined && DECIDING_CODES.has(code);
}

/** The status of the license that a refusal's code stands for, if any. */
export function readStatus(code: string | undefined): LicenseStatus | undefined {
  return code === undefined ? undefined : DECIDING_CODES.get(code);
}

/** The server no longer knows the machine, for example after a restore of its database; it may activate again. */
export const MACHINE_UNKNOWN = "machine_unknown";

/** The license has no place for another machine. */
export const MACHINE_LIMIT = "machine_limit";

/** Body of a 200 and of a signed refusal. */
export const envelopeSchema = v.object({ payload: v.string(), sig: v.string() });

/** Body of an unsigned refusal. */
export const refusalSchema = v.object({ error: v.string() });
