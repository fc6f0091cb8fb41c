import type { ServerAnswer } from "../../src/activation/answer.ts";
import type { LicenseServerApi } from "../../src/activation/client.ts";

/** Answers by name, for tests of what is made of them. */
export const ANSWERS = {
  refused: refusal("machine_blocked", "no such machine"),
  unsigned: { kind: "unsigned", message: "go away" },
  unreachable: { kind: "unreachable", why: "refused" },
} as const satisfies Record<string, ServerAnswer>;

/** The server's signed refusal. */
export function refusal(
  code: string | undefined,
  message = "no",
): Extract<ServerAnswer, { kind: "refused" }> {
  return { kind: "refused", code, message, respondedAtMs: 1 };
}

export function verified(status: string, respondedAtMs = 1, nonce = "N"): ServerAnswer {
  const payload = {
    status,
    machine_id: "M",
    license_key: "K",
    request_nonce: nonce,
    responded_at: "",
  };
  return { kind: "verified", payload, envelope: { payload: "P", sig: "S" }, respondedAtMs };
}

/** A license server that answers from a list, then always with the last. */
export class ScriptedServer implements LicenseServerApi {
  readonly calls: string[] = [];
  /** The nonces that heartbeats were asked to have. */
  readonly nonces: (string | undefined)[] = [];
  readonly #answers: ServerAnswer[];

  constructor(...answers: ServerAnswer[]) {
    this.#answers = answers;
  }

  /** Whatever comes next, instead of what is left. */
  script(...answers: ServerAnswer[]): void {
    this.#answers.splice(0, Infinity, ...answers);
  }

  activate(..._: Parameters<LicenseServerApi["activate"]>): Promise<ServerAnswer> {
    return this.#next("activate");
  }

  heartbeat(
    ...[_, { nonce }]: Parameters<LicenseServerApi["heartbeat"]>
  ): Promise<ServerAnswer> {
    this.nonces.push(nonce);
    return this.#next("heartbeat");
  }

  acknowledgeDecommission(): Promise<ServerAnswer> {
    return this.#next("acknowledge");
  }

  #next(call: string): Promise<ServerAnswer> {
    this.calls.push(call);
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    return Promise.resolve(answer!);
  }
}
