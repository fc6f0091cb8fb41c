import type { ServerAnswer } from "../activation/answer.ts";
import { MACHINE_UNKNOWN } from "../activation/messages.ts";
import { judgeHeartbeat, judgeStatus } from "../enforcement/judgment.ts";
import type { License } from "../license/payload.ts";
import { type Diagnostic, fail, type KnownMachine, pass, skip } from "./diagnostic.ts";

/** Refusals of a machine that is not activated which say that none could be. */
const HOPELESS_CODES = ["license_unknown", "license_closed", "license_hardware_bound"];

interface ActivationFindings {
  readonly license: License | undefined;
  readonly machine: KnownMachine | undefined;
  /** The server's answer to a heartbeat; `undefined` if none was sent. */
  readonly answer: ServerAnswer | undefined;
}

/** Examines what the license server says of this machine and its license, as a start judges it. */
export function examineActivation(
  { license, machine, answer }: ActivationFindings,
): Diagnostic {
  if (license === undefined) return skip("activation", "no license was read");
  if (license.license_type === "HARDWARE_BOUND") {
    return skip("activation", "a hardware-bound license is not activated");
  }
  if (answer === undefined) return skip("activation", "the license server was not asked");
  return isActivated(machine) ? judgeActivated(answer) : judgeNew(answer);
}

/** Whether a run could start now without the server. */
export function mayUseGrace(machine: KnownMachine | undefined): boolean {
  const { record, isUnconfirmed } = machine ?? {};
  return record !== undefined && record.activated && !isUnconfirmed && !record.grace_exhausted &&
    record.grace_remaining_seconds > 0 && record.forbidding_status === null &&
    !record.is_decommissioned;
}

export function isActivated(machine: KnownMachine | undefined): boolean {
  return machine?.record?.activated === true;
}

function judgeActivated(answer: ServerAnswer): Diagnostic {
  if (answer.kind === "refused" && answer.code === MACHINE_UNKNOWN) {
    return pass(
      "activation",
      "the server does not know this machine any more: a run activates it again",
    );
  }
  const judged = judgeHeartbeat(answer);
  if (judged.kind === "unreachable") return skip("activation", judged.why);
  const error = judged.kind === "refused" ? judged.error : findError(judged.status);
  if (error === undefined) return pass("activation", "activated; the license is ACTIVE");
  return fail("activation", error.message, { advice: "ask the vendor", code: error.code });
}

function findError(status: string) {
  const verdict = judgeStatus(status);
  return verdict.kind === "stop" ? verdict.error : undefined;
}

/** A machine that is not activated cannot ask more without taking a place. */
function judgeNew(answer: ServerAnswer): Diagnostic {
  if (answer.kind !== "refused") return skip("activation", "the license server did not decide");
  if (HOPELESS_CODES.includes(answer.code ?? "")) {
    return fail("activation", `activation refused: ${answer.message}`, {
      advice: "ask the vendor whether the license is registered with this server",
      code: "refused.activation",
    });
  }
  return pass("activation", "not activated yet: a run takes a place, if one is free");
}
