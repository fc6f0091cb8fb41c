import type { Clock } from "../core/clock.ts";
import type { CurrentLicense } from "../enforcement/licensing.ts";
import type { ProofRequest } from "../ipc/proof_request.ts";
import type { LicenseEnvelope } from "../license/license_file.ts";

/** Shortest time between two answers to the software's nonces, each of which is a heartbeat. */
const PAUSE_MS = 10_000;

interface ProofParts {
  readonly current: Pick<CurrentLicense, "machineId" | "confirm">;
  readonly envelope: () => LicenseEnvelope;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Proves to the software that its license is genuine and that its license server knows this machine. */
export class LicenseProof {
  readonly #parts: ProofParts;
  #nextMs = -Infinity;

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /** Returns the fields that `get_license` adds. */
  async prove({ proof, nonce }: ProofRequest, signal: AbortSignal): Promise<object> {
    const answer = nonce === undefined ? {} : await this.#answer(nonce, signal);
    const { current, envelope } = this.#parts;
    return {
      ...(proof && { envelope: envelope() }),
      machine_id: current.machineId,
      ...answer,
    };
  }

  async #answer(nonce: string, signal: AbortSignal): Promise<object> {
    const { current: { confirm }, clock } = this.#parts;
    if (confirm === undefined) return { answer: null, reason: "offline license" };
    const nowMs = clock.monotonicMs();
    if (nowMs < this.#nextMs) return { answer: null, reason: "too_soon" };
    this.#nextMs = nowMs + PAUSE_MS;
    const confirmation = await confirm(nonce, signal);
    return confirmation.kind === "signed"
      ? { answer: confirmation.answer }
      : { answer: null, reason: confirmation.reason };
  }
}
