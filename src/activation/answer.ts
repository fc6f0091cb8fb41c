import * as v from "valibot";
import { isSameSecret } from "../core/text.ts";
import { parseStrictJson } from "../core/strict_json.ts";
import type { Verify } from "../signing/ecdsa.ts";
import { type Envelope, isEnvelopeGenuine, readPayload } from "../signing/envelope.ts";
import {
  type AnswerPayload,
  answerPayloadSchema,
  envelopeSchema,
  MAX_CLOCK_SKEW_SECONDS,
  refusalPayloadSchema,
  refusalSchema,
} from "./messages.ts";

/** The client's judgment of an answer. */
export type ServerAnswer =
  /**
   * Signed by the organization for this request. `envelope` is the answer as signed; `respondedAtMs` the server's time,
   * milliseconds since the Unix epoch.
   */
  | { kind: "verified"; payload: AnswerPayload; envelope: Envelope; respondedAtMs: number }
  /** Signed; whether it decides anything, its `code` tells (`messages.ts`). */
  | { kind: "refused"; message: string; code: string | undefined; respondedAtMs: number }
  /** A refusal without a signature: anyone between here and the server may have sent it. */
  | { kind: "unsigned"; message: string }
  /** No answer, or none that proves to come from the server; `why` is for the log. It may ask for a pause. */
  | { kind: "unreachable"; why: string; retryAfterMs?: number };

/** An answer as received; `body` is `undefined` if it is too large or not UTF-8. */
export interface RawAnswer {
  readonly status: number;
  /** Where a redirect leads. */
  readonly location?: string | undefined;
  /** Retry-After (RFC 9110 section 10.2.3), if it is in seconds. */
  readonly retryAfterMs?: number | undefined;
  readonly body: string | undefined;
}

/** The request that an answer must match, and the time. */
export interface AnswerExpectation {
  readonly nonce: string;
  readonly machineId: string;
  readonly licenseKey: string;
  /** Time of arrival, milliseconds since the Unix epoch. */
  readonly wallMs: number;
  /** The newest signed time seen so far, 0 before the first. */
  readonly lastRespondedAtMs: number;
  /** Verifies with the organization's public key. */
  readonly verify: Verify;
}

/** Judges an answer. It counts as the server's only if the organization signed it with this request's nonce. */
export async function judgeAnswer(
  raw: RawAnswer,
  expected: AnswerExpectation,
): Promise<ServerAnswer> {
  const json = raw.body === undefined ? undefined : parseStrictJson(raw.body);
  const body = json !== undefined && "value" in json ? json.value : undefined;
  const envelope = v.safeParse(envelopeSchema, body);
  const isRefusal = raw.status >= 400 && raw.status < 500;
  if (raw.status !== 200 && !isRefusal) {
    const signature = envelope.success ? "" : " without signature";
    return rejectUnverified(`HTTP ${raw.status}${signature}${describeHop(raw)}`);
  }
  if (!envelope.success) {
    return isRefusal
      ? judgeUnsignedRefusal(raw, body)
      : rejectUnverified("HTTP 200 without signature");
  }
  const signed = await openPayload(envelope.output, expected.verify);
  if (typeof signed === "string") return rejectUnverified(`HTTP ${raw.status} with ${signed}`);
  return isRefusal
    ? judgeRefusal(signed.payload, expected)
    : judgeAcceptance(signed.payload, { ...expected, envelope: envelope.output });
}

function rejectUnverified(reason: string): ServerAnswer {
  return { kind: "unreachable", why: `unverified answer: ${reason}` };
}

/** Names the station on the way that answered instead of the license server; empty if that is not known. */
export function describeHop({ status, location }: Pick<RawAnswer, "status" | "location">): string {
  if (status === 407) return ": a proxy asks for a login";
  if (location === undefined || status < 300 || status >= 400) return "";
  return `: redirected to ${sanitizeLine(location)}, as by the login page of a network`;
}

function judgeUnsignedRefusal(raw: RawAnswer, body: unknown): ServerAnswer {
  if (raw.status === 429) {
    const { retryAfterMs = 0 } = raw;
    return { kind: "unreachable", why: "the server is too busy (HTTP 429)", retryAfterMs };
  }
  const refusal = v.safeParse(refusalSchema, body);
  if (!refusal.success || raw.status === 407) {
    return rejectUnverified(`HTTP ${raw.status} without signature${describeHop(raw)}`);
  }
  return { kind: "unsigned", message: sanitizeLine(refusal.output.error) };
}

async function openPayload(
  envelope: Envelope,
  verify: Verify,
): Promise<{ payload: unknown } | string> {
  if (!await isEnvelopeGenuine(envelope, verify)) return "a bad signature";
  const text = readPayload(envelope);
  const json = text === undefined ? undefined : parseStrictJson(text);
  return json !== undefined && "value" in json ? { payload: json.value } : "a malformed payload";
}

function judgeAcceptance(
  payload: unknown,
  { envelope, ...expected }: AnswerExpectation & { readonly envelope: Envelope },
): ServerAnswer {
  const parsed = v.safeParse(answerPayloadSchema, payload);
  if (!parsed.success) return rejectUnverified("HTTP 200 with an incomplete payload");
  const answer = parsed.output;
  const fault = findFault(answer, expected) ??
    findMismatch(answer, expected);
  if (fault !== undefined) return rejectUnverified(fault);
  const respondedAtMs = Date.parse(answer.responded_at);
  return { kind: "verified", payload: answer, envelope, respondedAtMs };
}

function judgeRefusal(payload: unknown, expected: AnswerExpectation): ServerAnswer {
  const parsed = v.safeParse(refusalPayloadSchema, payload);
  if (!parsed.success) return rejectUnverified("a refusal with an incomplete payload");
  const { code, error, responded_at } = parsed.output;
  const { machineId, licenseKey } = expected;
  const { machine_id = machineId, license_key = licenseKey } = parsed.output;
  const fault = findFault(parsed.output, expected) ??
    findMismatch({ machine_id, license_key }, expected);
  if (fault !== undefined) return rejectUnverified(fault);
  const message = sanitizeLine(error);
  return { kind: "refused", message, code, respondedAtMs: Date.parse(responded_at) };
}

function findMismatch(
  { machine_id, license_key }: { machine_id: string; license_key: string },
  { machineId, licenseKey }: AnswerExpectation,
): string | undefined {
  if (machine_id !== machineId) return "it is for another machine";
  return license_key === licenseKey ? undefined : "it is for another license";
}

/** Detects a replay: a genuine answer to another request, or from another time. */
function findFault(
  { request_nonce, responded_at }: { request_nonce: string; responded_at: string },
  { nonce, wallMs, lastRespondedAtMs }: AnswerExpectation,
): string | undefined {
  if (!isSameSecret(request_nonce, nonce)) return "it answers another request";
  const respondedAtMs = Date.parse(responded_at);
  const isNear = Math.abs(respondedAtMs - wallMs) <= MAX_CLOCK_SKEW_SECONDS * 1000;
  return isNear || respondedAtMs > lastRespondedAtMs
    ? undefined
    : `it is from another time (${responded_at})`;
}

/** Server text as one printable line of at most 500 characters. */
function sanitizeLine(text: string): string {
  return text.slice(0, 500).replaceAll(/\p{Cc}+/gu, " ").trim();
}
