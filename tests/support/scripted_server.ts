import type { Answer } from "../../src/activation/answer.ts";
import type { LicenseServer } from "../../src/activation/client.ts";

/** Answers by name, for tests of what is made of them. */
export const ANSWERS = {
  refused: { kind: "refused", message: "no such machine", signed: true },
  unsigned: { kind: "refused", message: "go away", signed: false },
  unreachable: { kind: "unreachable", why: "refused" },
} as const satisfies Record<string, Answer>;

export function verified(status: string, respondedAtMs = 1): Answer {
  const payload = {
    status,
    machine_id: "M",
    license_key: "K",
    request_nonce: "N",
    responded_at: "",
  };
  return { kind: "verified", payload, respondedAtMs };
}

/** A license server that answers from a list, then always with the last. */
export class ScriptedServer implements LicenseServer {
  readonly calls: string[] = [];
  readonly #answers: Answer[];

  constructor(...answers: Answer[]) {
    this.#answers = answers;
  }

  /** Whatever comes next, instead of what is left. */
  script(...answers: Answer[]): void {
    this.#answers.splice(0, Infinity, ...answers);
  }

  activate(): Promise<Answer> {
    return this.#next("activate");
  }

  heartbeat(): Promise<Answer> {
    return this.#next("heartbeat");
  }

  acknowledgeDecommission(): Promise<Answer> {
    return this.#next("acknowledge");
  }

  #next(call: string): Promise<Answer> {
    this.calls.push(call);
    const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
    return Promise.resolve(answer!);
  }
}
