import type { Platform } from "../platform/contract.ts";
import type { Host } from "../platform/host.ts";
import { SentinelError } from "../core/errors.ts";
import type { ServerAnswer } from "../activation/answer.ts";
import type { LicenseServerApi, RequestOptions } from "../activation/client.ts";
import { retryUnreachable } from "../activation/retry.ts";
import { VERSION } from "../core/build_info.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { GraceBudget } from "./grace.ts";

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
      | "status",
    message: string,
  ) {
    super(`refused.${code}`, message);
  }
}

/** The server cannot be reached and no grace is left (exit status 82). */
export class UnreachableError extends SentinelError {
  constructor(code: "activation" | "grace_exhausted", message: string) {
    super(`unreachable.${code}`, message);
  }
}

/** Whether the software may continue to run. */
export type LeaseVerdict = { kind: "continue" } | { kind: "stop"; error: SentinelError };

export const CONTINUE: LeaseVerdict = { kind: "continue" };

const DECOMMISSIONED = new RefusedError("decommissioned", "machine decommissioned");

/** License statuses that end a run. */
const FINAL_STATUSES: Readonly<Record<string, RefusedError>> = {
  REVOKED: new RefusedError("revoked", "license has been revoked"),
  EXPIRED: new RefusedError("expired", "license has expired"),
  SUSPENDED: new RefusedError("suspended", "license is suspended — contact your vendor"),
  DECOMMISSION_PENDING: DECOMMISSIONED,
};

/** Maps the status of a verified answer to a verdict; the caller acknowledges `DECOMMISSION_PENDING`. */
function judgeStatus(status: string): LeaseVerdict {
  if (status === "ACTIVE") return CONTINUE;
  const error = Object.hasOwn(FINAL_STATUSES, status)
    ? FINAL_STATUSES[status]!
    : new RefusedError("status", `unexpected license status: ${status}`);
  return { kind: "stop", error };
}

interface LeaseOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly license: StandardLicense;
  readonly graceBudget: GraceBudget;
  readonly client: LicenseServerApi;
  /** For messages. */
  readonly serverUrl: string;
  readonly publicKeyPem: string;
  readonly platform: Pick<Platform, "wireName">;
}

/**
 * Signed refusals in a row that cost nothing, as the server may be out of order. Later ones are charged like missed
 * heartbeats: otherwise a wrong clock, which makes the server refuse, would hide a revocation for ever.
 */
const FREE_REFUSALS = 2;

const EXHAUSTED_MESSAGE = "server unreachable and grace period exhausted";

/** A license that the server activates and confirms by heartbeats; it runs on grace while the server is unreachable. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #graceBudget: GraceBudget;
  #status = "ACTIVE";
  /** Heartbeats refused in a row. */
  #refusals = 0;
  #onGraceCharged: (remainingSeconds: number) => void = () => {};

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#graceBudget = options.graceBudget;
  }

  /** Seconds for which the software may still run without the server. */
  get graceRemainingSeconds(): number {
    return this.#graceBudget.graceRemainingSeconds;
  }

  /** The status that the server named last. */
  get status(): string {
    return this.#status;
  }

  /** Trusted time, milliseconds since the Unix epoch. */
  nowMs(): number {
    return this.#graceBudget.nowMs();
  }

  /** Calls `listener` after each charge. */
  onGraceCharged(listener: (remainingSeconds: number) => void): void {
    this.#onGraceCharged = listener;
  }

  /**
   * Activates this machine for the license if it is not activated yet.
   *
   * @throws {RefusedError}
   * @throws {UnreachableError} A machine that was never activated has no grace.
   */
  async activate(signal: AbortSignal): Promise<void> {
    if (this.#graceBudget.isActivated) return;
    const { client, license, platform, publicKeyPem, log } = this.#options;
    const answer = await client.activate({
      ...this.#identity,
      machine_public_key_pem: publicKeyPem,
      platform: platform.wireName,
      software_version: VERSION,
    }, this.#request(signal));
    if (answer.kind === "unreachable") {
      throw new UnreachableError(
        "activation",
        `server unreachable (${answer.why}): ${this.#options.serverUrl} — cannot activate this machine`,
      );
    }
    if (answer.kind === "refused") throw new RefusedError("activation", activationRefusal(answer));
    const verdict = judgeStatus(answer.payload.status);
    if (verdict.kind === "stop") throw verdict.error;
    await this.#graceBudget.recordActivation(answer.respondedAtMs);
    log.info("machine activated", {
      license_key: license.license_key,
      machine_id: this.#graceBudget.machineId,
    });
  }

  /**
   * Sends the heartbeat of a start. A miss costs nothing by itself, but charges the uncharged time of earlier runs; if no
   * grace is left, the start fails.
   *
   * @throws {SentinelError} if the software must not be launched.
   */
  async beatAtStart(signal: AbortSignal): Promise<void> {
    const answer = this.#distrustUnsigned(await this.#heartbeat(signal));
    if (answer.kind === "refused") {
      throw new RefusedError("heartbeat", `heartbeat refused: ${answer.message}`);
    }
    if (answer.kind === "verified") {
      const verdict = await this.#accept(answer);
      if (verdict.kind === "stop") throw verdict.error;
      return;
    }
    if (this.#graceBudget.isDecommissioned) throw DECOMMISSIONED;
    this.#requireNotForbidden();
    const charged = await this.#graceBudget.startOffline();
    if (charged > 0) {
      this.#options.log.info(`earlier runs without the server used ${charged} seconds of grace`);
    }
    if (!this.#graceBudget.hasGrace) {
      throw new UnreachableError("grace_exhausted", `${EXHAUSTED_MESSAGE} — cannot start`);
    }
    this.#options.log.warn(
      `Server unreachable, operating under grace period (${this.graceRemainingSeconds} seconds remaining)`,
      { why: answer.why },
    );
  }

  /** Charges a clock that was set back, which may end a run without the server. */
  async checkClock(): Promise<LeaseVerdict> {
    if (!await this.#graceBudget.chargeRollback()) return CONTINUE;
    this.#onGraceCharged(this.graceRemainingSeconds);
    return this.#graceBudget.isOffline && !this.#graceBudget.hasGrace
      ? { kind: "stop", error: exhausted("clock rollback") }
      : CONTINUE;
  }

  /** Saves that the run is alive, and checks the clock. */
  async keepAlive(): Promise<LeaseVerdict> {
    this.#graceBudget.tolerateFaults();
    const verdict = await this.checkClock();
    await this.#graceBudget.keepAlive();
    return verdict;
  }

  /** Sends one heartbeat of a running software, with retries until `withinMs` has passed. */
  async beat(signal: AbortSignal, withinMs: number): Promise<LeaseVerdict> {
    this.#graceBudget.tolerateFaults();
    const { clock, random, log } = this.#options;
    const ask = async (both: AbortSignal) => this.#distrustUnsigned(await this.#heartbeat(both));
    const answer = await retryUnreachable(ask, { withinMs, clock, random, signal });
    if (answer.kind === "verified") return await this.#accept(answer);
    if (answer.kind === "refused") {
      log.warn(`heartbeat refused by the server: ${answer.message}`);
      if (++this.#refusals > FREE_REFUSALS) {
        return await this.#miss(`refused ${this.#refusals} times in a row`);
      }
      await this.#graceBudget.recordRefusal();
      return CONTINUE;
    }
    return signal.aborted ? CONTINUE : await this.#miss(answer.why);
  }

  get #identity(): { license_key: string; machine_id: string } {
    return {
      license_key: this.#options.license.license_key,
      machine_id: this.#graceBudget.machineId,
    };
  }

  #request(signal: AbortSignal): RequestOptions {
    return { lastRespondedAtMs: this.#graceBudget.lastRespondedAtMs, signal };
  }

  #heartbeat(signal: AbortSignal): Promise<ServerAnswer> {
    return this.#options.client.heartbeat(
      { ...this.#identity, software_version: VERSION },
      this.#request(signal),
    );
  }

  /** Anyone can forge an unsigned refusal, so it counts as unreachable. */
  #distrustUnsigned(answer: ServerAnswer): ServerAnswer {
    if (answer.kind !== "refused" || answer.signed) return answer;
    return {
      kind: "unreachable",
      why: `unverified answer: refusal without signature: ${answer.message}`,
    };
  }

  async #accept(
    { payload, respondedAtMs }: ServerAnswer & { kind: "verified" },
  ): Promise<LeaseVerdict> {
    if (this.#graceBudget.isOffline) {
      this.#options.log.info(
        `Server reachable again, ${this.graceRemainingSeconds} seconds of grace remaining`,
      );
    }
    this.#refusals = 0;
    this.#status = payload.status;
    this.#options.log.debug(`heartbeat: ${payload.status}`);
    const verdict = judgeStatus(payload.status);
    const forbiddingStatus = verdict.kind === "stop" ? payload.status : null;
    if (payload.status === "DECOMMISSION_PENDING") await this.#decommission();
    else await this.#graceBudget.recordAnswer(respondedAtMs, forbiddingStatus);
    return verdict;
  }

  /** Going offline does not undo the server's last word, such as a revocation. */
  #requireNotForbidden(): void {
    const { forbiddingStatus } = this.#graceBudget;
    const verdict = forbiddingStatus === null ? CONTINUE : judgeStatus(forbiddingStatus);
    if (verdict.kind === "stop") throw verdict.error;
  }

  async #miss(why: string): Promise<LeaseVerdict> {
    const { log } = this.#options;
    await this.#graceBudget.chargeMiss();
    this.#onGraceCharged(this.graceRemainingSeconds);
    if (this.#graceBudget.hasGrace) {
      log.warn(`Heartbeat failed (${why}), grace remaining: ${this.graceRemainingSeconds} seconds`);
      return CONTINUE;
    }
    return { kind: "stop", error: exhausted(why) };
  }

  /** Until the server confirms, state and key stay, so that the next start runs nothing and acknowledges again. */
  async #decommission(): Promise<void> {
    const { client, log } = this.#options;
    const answer = await client.acknowledgeDecommission(
      this.#identity,
      this.#request(new AbortController().signal),
    );
    if (answer.kind === "verified") return await this.#graceBudget.forget();
    const why = answer.kind === "refused" ? answer.message : answer.why;
    this.#graceBudget.tolerateFaults();
    await this.#graceBudget.recordDecommission();
    log.warn(`decommission could not be acknowledged (${why}): the next start tries again`);
  }
}

function exhausted(why: string): UnreachableError {
  return new UnreachableError(
    "grace_exhausted",
    `${EXHAUSTED_MESSAGE} (${why}) — software stopped`,
  );
}

function activationRefusal({ message, signed }: ServerAnswer & { kind: "refused" }): string {
  return signed
    ? `activation refused: ${message}`
    : `activation refused (unsigned answer): ${message}`;
}
