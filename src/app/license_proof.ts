import { judgeAnswer } from "../activation/answer.ts";
import type { Clock } from "../core/clock.ts";
import { SentinelError } from "../core/errors.ts";
import { type IpcMessage, requestIpc } from "../ipc/client.ts";
import { verifyLicense } from "../license/license_file.ts";
import { loadOrganizationKey, type OrganizationKeySource } from "../license/organization_key.ts";
import type { License } from "../license/payload.ts";
import type { Verify } from "../signing/ecdsa.ts";

interface ProofOptions {
  /** Path of the server's socket. */
  readonly path: string;
  readonly orgKey: OrganizationKeySource;
  readonly clock: Pick<Clock, "wallMs">;
}

/** A checked answer, and what its proof shows, a line each. */
export interface CheckedAnswer {
  readonly answer: IpcMessage;
  readonly shown: readonly string[];
}

/**
 * Asks for the license with a proof, and checks it as software should.
 *
 * @throws {SentinelError} `license.…` if the answer does not prove the license.
 */
export async function askForProof({ path, orgKey, clock }: ProofOptions): Promise<CheckedAnswer> {
  const verify = await loadOrganizationKey(orgKey);
  const nonce = crypto.randomUUID();
  const answer = await requestIpc({ path, method: "get_license", params: { proof: true, nonce } });
  const { value } = answer;
  if (value["status"] === "error") return { answer, shown: [] };
  if (!value["envelope"]) throw refuse("it has no license file");
  const license = await verifyLicense(JSON.stringify(value["envelope"]), verify);
  const shown = [`license file: genuine, ${license.license_key}, valid to ${license.expiry_date}`];
  const expected = { nonce, machineId: String(value["machine_id"]), wallMs: clock.wallMs() };
  shown.push(await checkAnswer(value, license, { ...expected, verify }));
  return { answer, shown };
}

/** Checks the license server's answer to the nonce, if there is one. */
async function checkAnswer(
  { answer, reason, machine_id }: Readonly<Record<string, unknown>>,
  { license_key: licenseKey }: License,
  expected: { nonce: string; machineId: string; wallMs: number; verify: Verify },
): Promise<string> {
  if (answer === null) return `license server: no answer (${reason})`;
  const judged = await judgeAnswer({ status: 200, body: JSON.stringify(answer) }, {
    ...expected,
    licenseKey,
    // the nonce shows that it is of now, whatever this machine's clock says
    lastRespondedAtMs: 0,
  });
  if (judged.kind !== "verified") {
    throw refuse(judged.kind === "unreachable" ? judged.why : judged.message);
  }
  return `license server: ${judged.payload.status} for machine ${machine_id} right now`;
}

function refuse(why: string): SentinelError {
  return new SentinelError("license.proof", `the answer does not prove the license: ${why}`);
}
