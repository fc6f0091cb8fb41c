import * as v from "valibot";
import { validate as isUuidV4 } from "@std/uuid/v4";

/** The server's paths. The trailing slash is part of the signed bytes. */
export const ACTIVATE_PATH = "/api/v1/drm/activate/";
export const HEARTBEAT_PATH = "/api/v1/drm/heartbeat/";
export const DECOMMISSION_ACK_PATH = "/api/v1/drm/decommission-ack/";

/** Limit of a request's or an answer's body. */
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
export type PlatformName = (typeof PLATFORMS)[number];

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
export const refusalPayloadSchema = v.object({ ...SIGNED, error: v.string(), code: v.string() });

export type AnswerPayload = v.InferOutput<typeof answerPayloadSchema>;

/** A heartbeat answer's `status`. */
export type LicenseStatus = "ACTIVE" | "DECOMMISSION_PENDING" | "REVOKED" | "EXPIRED" | "SUSPENDED";

/** Body of a 200 and of a signed refusal. */
export const envelopeSchema = v.object({ payload: v.string(), sig: v.string() });

/** Body of an unsigned refusal. */
export const refusalSchema = v.object({ error: v.string() });
