import type { AnswerPayload } from "../../../src/activation/messages.ts";
import type { RawAnswer } from "../../../src/activation/answer.ts";
import { decodeStrictBase64Url } from "../../../src/signing/envelope.ts";

/** Reads an answer's payload without verifying its signature. */
export function payloadOf({ body }: RawAnswer): AnswerPayload {
  const { payload } = JSON.parse(body ?? "");
  return JSON.parse(new TextDecoder().decode(decodeStrictBase64Url(payload)));
}
