import { SentinelError } from "../core/errors.ts";

/** The server's word ends the run (exit status 81). */
export class RefusedError extends SentinelError {
  constructor(
    code:
      | "activation"
      | "heartbeat"
      | "revoked"
      | "expired"
      | "suspended"
      | "decommissioned"
      | "status",
    message: string,
  ) {
    super(`refused.${code}`, message);
  }
}

/** The server cannot be reached and nothing is left to run on (exit status 82). */
export class UnreachableError extends SentinelError {
  constructor(code: "activation" | "grace_exhausted", message: string) {
    super(`unreachable.${code}`, message);
  }
}

/** What a heartbeat means for the run. */
export type Verdict = { kind: "go_on" } | { kind: "stop"; error: SentinelError };

export const GO_ON: Verdict = { kind: "go_on" };

/** The server took this machine off the licence. */
export const DECOMMISSIONED = new RefusedError("decommissioned", "machine decommissioned");

/** Statuses that end a run, each with its line. */
const FINAL_STATUSES: Readonly<Record<string, RefusedError>> = {
  REVOKED: new RefusedError("revoked", "license has been revoked"),
  EXPIRED: new RefusedError("expired", "license has expired"),
  SUSPENDED: new RefusedError("suspended", "license is suspended — contact your vendor"),
  DECOMMISSION_PENDING: DECOMMISSIONED,
};

/** What the status of a verified answer means; `DECOMMISSION_PENDING` is to be acknowledged besides. */
export function judgeStatus(status: string): Verdict {
  if (status === "ACTIVE") return GO_ON;
  const error = Object.hasOwn(FINAL_STATUSES, status)
    ? FINAL_STATUSES[status]!
    : new RefusedError("status", `unexpected license status: ${status}`);
  return { kind: "stop", error };
}
