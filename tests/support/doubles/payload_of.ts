import type { AnswerPayload } from "../../../src/activation/messages.ts";
import type { RawAnswer } from "../../../src/activation/answer.ts";
import { decodeStrictBase64Url } from "../../../src/signing/envelope.ts";

/** What stands in an answer, whoever signed it. */
export function payloadOf({ body }: RawAnswer): AnswerPayload {
  const { payload } = JSON.parse(body ?? "");
  return JSON.parse(new TextDecoder().decode(decodeStrictBase64Url(payload)));
}
