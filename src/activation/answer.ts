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

/** What an answer is taken for. */
export type Answer =
  /** The organization's word on this very request. `respondedAtMs`: when, by the server's clock. */
  | { kind: "verified"; payload: AnswerPayload; respondedAtMs: number }
  /** A refusal; `signed` where the organization signed it, otherwise it may be a stranger's. */
  | { kind: "refused"; message: string; signed: boolean }
  /** Nobody who can prove to be the server; `why` is for the log. */
  | { kind: "unreachable"; why: string };

/** An answer as it came: `body` is `undefined` where it is too large or no UTF-8. */
export interface RawAnswer {
  readonly status: number;
  readonly body: string | undefined;
}

/** What an answer must fit. */
export interface Expectation {
  readonly nonce: string;
  readonly machineId: string;
  readonly licenseKey: string;
  readonly wallMs: number;
  /** The newest signed time seen so far, 0 before the first. */
  readonly lastRespondedAtMs: number;
  /** With the organization's public key. */
  readonly verify: Verify;
}

/** Judges an answer: only the organization's signature over this request's nonce makes it the server's. */
export async function judgeAnswer(raw: RawAnswer, expected: Expectation): Promise<Answer> {
  const json = raw.body === undefined ? undefined : parseStrictJson(raw.body);
  const body = json !== undefined && "value" in json ? json.value : undefined;
  const envelope = v.safeParse(envelopeSchema, body);
  const isRefusal = raw.status >= 400 && raw.status < 500;
  if (raw.status !== 200 && !isRefusal) {
    const signature = envelope.success ? "" : " without signature";
    return unverified(`HTTP ${raw.status}${signature}`);
  }
  if (!envelope.success) {
    return isRefusal ? unsignedRefusal(raw.status, body) : unverified("HTTP 200 without signature");
  }
  const signed = await openPayload(envelope.output, expected.verify);
  if (typeof signed === "string") return unverified(`HTTP ${raw.status} with ${signed}`);
  return isRefusal
    ? judgeRefusal(signed.payload, expected)
    : judgeAcceptance(signed.payload, expected);
}

function unverified(what: string): Answer {
  return { kind: "unreachable", why: `unverified answer: ${what}` };
}

function unsignedRefusal(status: number, body: unknown): Answer {
  const refusal = v.safeParse(refusalSchema, body);
  if (!refusal.success) return unverified(`HTTP ${status} without signature`);
  return { kind: "refused", message: oneLine(refusal.output.error), signed: false };
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

function judgeAcceptance(payload: unknown, expected: Expectation): Answer {
  const parsed = v.safeParse(answerPayloadSchema, payload);
  if (!parsed.success) return unverified("HTTP 200 with an incomplete payload");
  const answer = parsed.output;
  const fault = findFault(answer, expected) ??
    (answer.machine_id !== expected.machineId ? "it is for another machine" : undefined) ??
    (answer.license_key !== expected.licenseKey ? "it is for another license" : undefined);
  if (fault !== undefined) return unverified(fault);
  return { kind: "verified", payload: answer, respondedAtMs: Date.parse(answer.responded_at) };
}

function judgeRefusal(payload: unknown, expected: Expectation): Answer {
  const parsed = v.safeParse(refusalPayloadSchema, payload);
  if (!parsed.success) return unverified("a refusal with an incomplete payload");
  const fault = findFault(parsed.output, expected);
  if (fault !== undefined) return unverified(fault);
  return { kind: "refused", message: oneLine(parsed.output.error), signed: true };
}

/** An old answer, or another request's, is not this one's, however well it is signed. */
function findFault(
  { request_nonce, responded_at }: { request_nonce: string; responded_at: string },
  { nonce, wallMs, lastRespondedAtMs }: Expectation,
): string | undefined {
  if (!isSameSecret(request_nonce, nonce)) return "it answers another request";
  const respondedAtMs = Date.parse(responded_at);
  const isNear = Math.abs(respondedAtMs - wallMs) <= MAX_CLOCK_SKEW_SECONDS * 1000;
  return isNear || respondedAtMs > lastRespondedAtMs
    ? undefined
    : `it is from another time (${responded_at})`;
}

/** What a server says, fit for a terminal. */
function oneLine(text: string): string {
  return text.slice(0, 500).replaceAll(/\p{Cc}+/gu, " ").trim();
}
