import type { ServerAnswer } from "../activation/answer.ts";
import { isDecidingCode, MACHINE_LIMIT, readStatus } from "../activation/messages.ts";
import type { Unreachable } from "../activation/retry.ts";
import { SentinelError } from "../core/errors.ts";

/** The server refused, or forbids the software to run (exit status 81). */
export class RefusedError extends SentinelError {
  constructor(
    code:
      | "activation"
      | "heartbeat"
      | "revoked"
      | "expired"
      | "suspended"
      | "decommissioned"
      | "release"
      | "status",
    message: string,
  ) {
    super(`refused.${code}`, message);
  }
}

/** The server cannot be reached and no grace is left (exit status 82). */
export class UnreachableError extends SentinelError {
  constructor(code: "activation" | "grace_exhausted" | "release" | "unsaved", message: string) {
    super(`unreachable.${code}`, message);
  }
}

/** @param why Why the server was not reached, if that was not said before. */
export function createExhaustedError(effect: string, why?: string): UnreachableError {
  const cause = why === undefined ? "" : ` (${why})`;
  return new UnreachableError(
    "grace_exhausted",
    `server unreachable and grace period exhausted${cause} — ${effect}`,
  );
}

/** Whether the software may continue to run. */
export type LeaseVerdict = { kind: "continue" } | { kind: "stop"; error: SentinelError };

export const CONTINUE: LeaseVerdict = { kind: "continue" };

export const DECOMMISSIONED = new RefusedError("decommissioned", "machine decommissioned");

/** License statuses that end a run. */
const FINAL_STATUSES: Readonly<Record<string, RefusedError>> = {
  REVOKED: new RefusedError("revoked", "license has been revoked"),
  EXPIRED: new RefusedError("expired", "license has expired"),
  SUSPENDED: new RefusedError("suspended", "license is suspended — contact your vendor"),
  DECOMMISSION_PENDING: DECOMMISSIONED,
};

/** Maps the status of a verified answer to a verdict; the caller acknowledges `DECOMMISSION_PENDING`. */
export function judgeStatus(status: string): LeaseVerdict {
  if (status === "ACTIVE") return CONTINUE;
  const error = Object.hasOwn(FINAL_STATUSES, status)
    ? FINAL_STATUSES[status]!
    : new RefusedError("status", `unexpected license status: ${status}`);
  return { kind: "stop", error };
}

/** The meaning of an answer for an activated license. */
export type HeartbeatAnswer =
  | {
    readonly kind: "status";
    readonly status: string;
    readonly respondedAtMs: number;
    /** The request's nonce; absent if it was refused, which the server does not note. */
    readonly nonce?: string;
  }
  /** The server decided against this machine for a reason that no status stands for. */
  | { readonly kind: "refused"; readonly error: RefusedError }
  | Unreachable;

/** A heartbeat as the answer to `status` has it. */
export interface LastHeartbeat {
  /** RFC 3339. */
  readonly at: string;
  /** The license's status, `refused` or `unreachable`. */
  readonly outcome: string;
}

/** Anyone can forge an unsigned refusal, and one without a known code decides nothing: both count as unreachable. */
export function judgeHeartbeat(answer: ServerAnswer): HeartbeatAnswer {
  switch (answer.kind) {
    case "unreachable":
      return answer;
    case "unsigned":
      return {
        kind: "unreachable",
        why: `unverified answer: refusal without signature: ${answer.message}`,
      };
    case "verified":
      return {
        kind: "status",
        status: answer.payload.status,
        respondedAtMs: answer.respondedAtMs,
        nonce: answer.payload.request_nonce,
      };
    case "refused": {
      const { code, respondedAtMs } = answer;
      const status = readStatus(code);
      if (status !== undefined) return { kind: "status", status, respondedAtMs };
      if (isDecidingCode(code)) {
        return {
          kind: "refused",
          error: new RefusedError("heartbeat", `heartbeat refused: ${withAdvice(answer)}`),
        };
      }
      return asUnreachable(answer);
    }
  }
}

/** A refusal that decides nothing. */
export function asUnreachable({ code, message }: ServerAnswer & { kind: "refused" }): Unreachable {
  return { kind: "unreachable", why: `request refused: ${code ?? "no code"}: ${message}` };
}

export function createActivationError(
  answer: ServerAnswer & { kind: "refused" | "unsigned" },
): RefusedError {
  const whose = answer.kind === "unsigned" ? " (unsigned answer)" : "";
  const message = answer.kind === "refused" ? withAdvice(answer) : answer.message;
  return new RefusedError("activation", `activation refused${whose}: ${message}`);
}

/** The message of a refusal, and what the customer can do. */
function withAdvice({ code, message }: ServerAnswer & { kind: "refused" }): string {
  const sentence = /[.!?]$/.test(message) ? message : `${message}.`;
  return code === MACHINE_LIMIT
    ? `${sentence} Run \`sentinel deactivate\` on a machine that no longer needs the license, or ask the vendor.`
    : message;
}
