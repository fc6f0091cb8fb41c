import {
  type Answer,
  type Expectation,
  judgeAnswer as judgeStrictly,
  type RawAnswer,
} from "../../../src/activation/answer.ts";
import { payloadOf } from "./payload_of.ts";

export type * from "../../../src/activation/answer.ts";

/** For `src/activation/answer.ts`: an answer for whatever machine and license will do. */
export async function judgeAnswer(raw: RawAnswer, expected: Expectation): Promise<Answer> {
  const { machine_id: machineId, license_key: licenseKey } = payloadOf(raw);
  return await judgeStrictly(raw, { ...expected, machineId, licenseKey });
}
