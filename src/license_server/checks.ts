import * as v from "valibot";
import { createHash } from "node:crypto";
import { validate as isUuidV4 } from "@std/uuid/v4";
import { MAX_CLOCK_SKEW_SECONDS } from "../activation/messages.ts";
import { decodeMachineName } from "../core/machine_name.ts";
import {
  encodeSignedBytes,
  MACHINE_ID_HEADER,
  MACHINE_NAME_HEADER,
  NONCE_HEADER,
  SIGNATURE_HEADER,
  TIMESTAMP_HEADER,
} from "../activation/signed_request.ts";
import type { HeaderReader } from "../net/http_request.ts";
import { decodeUtf8, parseStrictJson } from "../core/strict_json.ts";
import { decodeStrictBase64Url } from "../signing/envelope.ts";
import { LruCache } from "../core/lru_cache.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Signatures, WEB_CRYPTO } from "./signatures.ts";
import { type Refusal, REFUSALS, refuseField, refuseHeader } from "./refusals.ts";

/** The well-formed headers of a signed request. */
export interface SignedHeaders {
  readonly machineId: string;
  /** The header's text, which is part of the signed bytes. */
  readonly timestamp: string;
  readonly nonce: string;
  /** DER. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** A checked value, or the refusal. */
export type Checked<T> = { readonly value: T } | { readonly refusal: Refusal };

/** Limit of the base64url text; a P-256 signature in DER has at most 72 bytes. */
const MAX_SIGNATURE_LENGTH = 96;

/** Reads the nonce that an answer or a refusal repeats; `undefined` if it is malformed. */
export function readNonce(headers: HeaderReader): string | undefined {
  const nonce = headers.get(NONCE_HEADER);
  return nonce !== null && isUuidV4(nonce) ? nonce : undefined;
}

/** Reads the name that a machine gives itself; `undefined` if it has none, or one that is not fit to be shown. */
export function readMachineName(headers: HeaderReader): string | undefined {
  const text = headers.get(MACHINE_NAME_HEADER);
  return text === null ? undefined : decodeMachineName(text);
}

export function checkHeaders(headers: HeaderReader): Checked<SignedHeaders> {
  const machineId = headers.get(MACHINE_ID_HEADER);
  const timestamp = headers.get(TIMESTAMP_HEADER);
  const signature = headers.get(SIGNATURE_HEADER);
  const nonce = headers.get(NONCE_HEADER);
  if (machineId === null) return refuseMissing(MACHINE_ID_HEADER);
  if (timestamp === null) return refuseMissing(TIMESTAMP_HEADER);
  if (nonce === null) return refuseMissing(NONCE_HEADER);
  if (signature === null) return refuseMissing(SIGNATURE_HEADER);
  if (!isUuidV4(machineId)) return refuseMalformed(MACHINE_ID_HEADER, "must be a UUID v4");
  if (!/^\d{1,12}$/.test(timestamp)) {
    return refuseMalformed(TIMESTAMP_HEADER, "must be Unix seconds");
  }
  if (!isUuidV4(nonce)) return refuseMalformed(NONCE_HEADER, "must be a UUID v4");
  const der = signature.length > MAX_SIGNATURE_LENGTH
    ? undefined
    : decodeStrictBase64Url(signature);
  if (der === undefined) {
    return refuseMalformed(SIGNATURE_HEADER, "must be base64url of a signature");
  }
  return { value: { machineId, timestamp, nonce, signature: der } };
}

/** Refuses a timestamp (Unix seconds) more than 300 s from `nowMs` (milliseconds since the Unix epoch). */
export function checkTimestamp(timestamp: string, nowMs: number): Refusal | undefined {
  const distance = Math.abs(Number(timestamp) - Math.floor(nowMs / 1000));
  return distance <= MAX_CLOCK_SKEW_SECONDS ? undefined : REFUSALS.timestamp;
}

/** Parses the body. Its machine id must equal the header, because only the body is signed. */
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
    if (field === undefined) return { refusal: refuseField("Request body", "must be an object") };
    const isMissing = !Object.hasOwn(json.value as Record<string, unknown>, String(field));
    return { refusal: refuseField(String(field), isMissing ? "is missing" : issue.message) };
  }
  if (result.output.machine_id !== headers.machineId) {
    return { refusal: REFUSALS.machineIdMismatch };
  }
  return { value: result.output };
}

/** LRU cache of imported public keys by PEM; saves the curve check of an import. */
export class KeyCache {
  readonly #verifiers: LruCache<string, Verify>;

  readonly #signatures: Pick<Signatures, "importVerifier">;

  /** @param capacity Number of keys, at least 1. */
  constructor(capacity: number, signatures: Pick<Signatures, "importVerifier"> = WEB_CRYPTO) {
    this.#signatures = signatures;
    this.#verifiers = new LruCache(capacity);
  }

  /** Finds or imports a key (PEM, SubjectPublicKeyInfo, P-256); `undefined` for anything else. */
  async find(pem: string): Promise<Verify | undefined> {
    const known = this.#verifiers.get(pem);
    if (known !== undefined) return known;
    const verify = await this.#signatures.importVerifier(pem);
    if (verify !== undefined) this.#verifiers.set(pem, verify);
    return verify;
  }
}

/**
 * Verifies the machine's signature over the request. Hashes the body synchronously: for a few hundred bytes WebCrypto's
 * thread hop costs more than the hash.
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

function refuseMissing(header: string): { refusal: Refusal } {
  return { refusal: refuseHeader(header, "is missing") };
}

function refuseMalformed(header: string, reason: string): { refusal: Refusal } {
  return { refusal: refuseHeader(header, reason) };
}
