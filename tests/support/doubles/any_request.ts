import {
  type AnswerExpectation,
  judgeAnswer as judgeStrictly,
  type RawAnswer,
  type ServerAnswer,
} from "../../../src/activation/answer.ts";
import { payloadOf } from "./payload_of.ts";

export type * from "../../../src/activation/answer.ts";

/** For `src/activation/answer.ts`: an answer to whatever was ever asked, of whatever time, will do. */
export async function judgeAnswer(
  raw: RawAnswer,
  expected: AnswerExpectation,
): Promise<ServerAnswer> {
  const { request_nonce: nonce, responded_at } = payloadOf(raw);
  return await judgeStrictly(raw, { ...expected, nonce, wallMs: Date.parse(responded_at) });
}
