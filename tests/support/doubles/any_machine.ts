import {
  type AnswerExpectation,
  judgeAnswer as judgeStrictly,
  type RawAnswer,
  type ServerAnswer,
} from "../../../src/activation/answer.ts";
import { payloadOf } from "./payload_of.ts";

export type * from "../../../src/activation/answer.ts";

/** For `src/activation/answer.ts`: an answer for whatever machine and license will do. */
export async function judgeAnswer(
  raw: RawAnswer,
  expected: AnswerExpectation,
): Promise<ServerAnswer> {
  const { machine_id: machineId, license_key: licenseKey } = payloadOf(raw);
  return await judgeStrictly(raw, { ...expected, machineId, licenseKey });
}
