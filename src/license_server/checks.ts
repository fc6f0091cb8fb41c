import * as v from "valibot";
import { createHash } from "node:crypto";
import { validate as isUuidV4 } from "@std/uuid/v4";
import { MAX_CLOCK_SKEW_SECONDS } from "../activation/messages.ts";
import {
  encodeSignedBytes,
  MACHINE_ID_HEADER,
  NONCE_HEADER,
  SIGNATURE_HEADER,
  TIMESTAMP_HEADER,
} from "../activation/signed_request.ts";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { decodeStrictBase64Url } from "../signing/envelope.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { fieldRefusal, headerRefusal, type Refusal, REFUSALS } from "./refusals.ts";

/** The four headers of a signed request, each of the right form. */
export interface SignedHeaders {
  readonly machineId: string;
  /** As it was written, for it is part of what is signed. */
  readonly timestamp: string;
  readonly nonce: string;
  /** DER. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A value or why there is none. */
export type Checked<T> = { readonly value: T } | { readonly refusal: Refusal };

/** A DER signature of P-256 has at most 72 bytes. */
const MAX_SIGNATURE_LENGTH = 96;

/** The request's nonce where it has the form of one: what an answer or a refusal may repeat. */
export function readNonce(headers: Headers): string | undefined {
  const nonce = headers.get(NONCE_HEADER);
  return nonce !== null && isUuidV4(nonce) ? nonce : undefined;
}

/** The headers that carry a machine's signature. */
export function checkHeaders(headers: Headers): Checked<SignedHeaders> {
  const machineId = headers.get(MACHINE_ID_HEADER);
  const timestamp = headers.get(TIMESTAMP_HEADER);
  const signature = headers.get(SIGNATURE_HEADER);
  const nonce = headers.get(NONCE_HEADER);
  if (machineId === null) return missing(MACHINE_ID_HEADER);
  if (timestamp === null) return missing(TIMESTAMP_HEADER);
  if (nonce === null) return missing(NONCE_HEADER);
  if (signature === null) return missing(SIGNATURE_HEADER);
  if (!isUuidV4(machineId)) return malformed(MACHINE_ID_HEADER, "must be a UUID v4");
  if (!/^\d{1,12}$/.test(timestamp)) return malformed(TIMESTAMP_HEADER, "must be Unix seconds");
  if (!isUuidV4(nonce)) return malformed(NONCE_HEADER, "must be a UUID v4");
  const der = signature.length > MAX_SIGNATURE_LENGTH
    ? undefined
    : decodeStrictBase64Url(signature);
  if (der === undefined) return malformed(SIGNATURE_HEADER, "must be base64url of a signature");
  return { value: { machineId, timestamp, nonce, signature: der } };
}

/** Whether the request was made within ±300 s of now (milliseconds since the Unix epoch). */
export function checkTimestamp(timestamp: string, nowMs: number): Refusal | undefined {
  const distance = Math.abs(Number(timestamp) - Math.floor(nowMs / 1000));
  return distance <= MAX_CLOCK_SKEW_SECONDS ? undefined : REFUSALS.timestamp;
}

/** The body as the schema has it; its machine id is the header's to the byte, since only the body is signed. */
export function checkBody<T extends { readonly machine_id: string }>(
  bytes: Uint8Array<ArrayBuffer>,
  schema: v.GenericSchema<unknown, T>,
  headers: SignedHeaders,
): Checked<T> {
  const text = decodeUtf8(bytes);
  const json = text === undefined ? undefined : parseStrictJson(text);
  if (json === undefined || !("value" in json)) return { refusal: REFUSALS.malformedJson };
  const result = v.safeParse(schema, json.value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    const field = issue.path?.[0]?.key;
    if (field === undefined) return { refusal: fieldRefusal("Request body", "must be an object") };
    const isMissing = !Object.hasOwn(json.value as Record<string, unknown>, String(field));
    return { refusal: fieldRefusal(String(field), isMissing ? "is missing" : issue.message) };
  }
  if (result.output.machine_id !== headers.machineId) {
    return { refusal: REFUSALS.machineIdMismatch };
  }
  return { value: result.output };
}

/**
 * Whether the machine's key signed this request.
 *
 * The body is hashed in place: WebCrypto would hand a few hundred bytes to another thread, which costs more than they do.
 */
export async function checkSignature(
  path: string,
  headers: SignedHeaders,
  { body, verify }: { body: Uint8Array<ArrayBuffer>; verify: Verify },
): Promise<Refusal | undefined> {
  const digest = createHash("sha256").update(body).digest();
  return await verify(encodeSignedBytes(path, headers, digest), headers.signature)
    ? undefined
    : REFUSALS.signature;
}

function missing(header: string): { refusal: Refusal } {
  return { refusal: headerRefusal(header, "is missing") };
}

function malformed(header: string, reason: string): { refusal: Refusal } {
  return { refusal: headerRefusal(header, reason) };
}
