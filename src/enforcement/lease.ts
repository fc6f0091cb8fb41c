import type { Platform } from "../platform/contract.ts";
import type { Host } from "../platform/host.ts";
import { SentinelError } from "../core/errors.ts";
import type { Answer } from "../activation/answer.ts";
import type { LicenseServer, RequestOptions } from "../activation/client.ts";
import { retryUnreachable } from "../activation/retry.ts";
import { VERSION } from "../core/build_info.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { GraceBudget } from "./grace.ts";

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

/** The server took this machine off the license. */
export const DECOMMISSIONED = new RefusedError("decommissioned", "machine decommissioned");

/** Statuses that end a run, each with its line. */
const FINAL_STATUSES: Readonly<Record<string, RefusedError>> = {
  REVOKED: new RefusedError("revoked", "license has been revoked"),
  EXPIRED: new RefusedError("expired", "license has expired"),
  SUSPENDED: new RefusedError("suspended", "license is suspended — contact your vendor"),
  DECOMMISSION_PENDING: DECOMMISSIONED,
};

/** What the status of a verified answer means; `DECOMMISSION_PENDING` is to be acknowledged besides. */
function judgeStatus(status: string): Verdict {
  if (status === "ACTIVE") return GO_ON;
  const error = Object.hasOwn(FINAL_STATUSES, status)
    ? FINAL_STATUSES[status]!
    : new RefusedError("status", `unexpected license status: ${status}`);
  return { kind: "stop", error };
}

interface LeaseOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly license: StandardLicense;
  readonly graceBudget: GraceBudget;
  readonly client: LicenseServer;
  /** Where the client asks, for people. */
  readonly serverUrl: string;
  readonly publicKeyPem: string;
  readonly platform: Pick<Platform, "wireName">;
}

/**
 * So many signed refusals of heartbeats in a row cost nothing, as a server may be in disorder. Further ones cost what missed
 * ones do: who has each of them refused, by a clock that is wrong, never hears that the license was revoked.
 */
const FREE_REFUSALS = 2;

const GRACE_EXHAUSTED = "server unreachable and grace period exhausted";

/** A license as the server lets us have it: activated, kept alive by heartbeats, on grace while nobody answers. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #graceBudget: GraceBudget;
  #status = "ACTIVE";
  /** Heartbeats refused since the last one that was not. */
  #refusals = 0;
  #tellGrace: (remainingSeconds: number) => void = () => {};

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#graceBudget = options.graceBudget;
  }

  /** Seconds that the software may still run without the server. */
  get graceRemainingSeconds(): number {
    return this.#graceBudget.graceRemainingSeconds;
  }

  /** The status that the server named last. */
  get status(): string {
    return this.#status;
  }

  /** Now, milliseconds since the Unix epoch; never earlier than what is known to be true. */
  nowMs(): number {
    return this.#graceBudget.nowMs();
  }

  /** Calls back whenever grace was charged. */
  onGraceCharged(tell: (remainingSeconds: number) => void): void {
    this.#tellGrace = tell;
  }

  /**
   * Activates the machine for this license where it is not yet.
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
    await this.#graceBudget.enterActivation(answer.respondedAtMs);
    log.info("machine activated", {
      license_key: license.license_key,
      machine_id: this.#graceBudget.machineId,
    });
  }

  /**
   * The heartbeat that every start makes. It costs no grace by itself, but without the server the runs before are paid
   * for; where that leaves none, it must succeed.
   *
   * @throws {SentinelError} where the software must not be launched.
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
    this.#heedLastWord();
    const paid = await this.#graceBudget.startOffline();
    if (paid > 0) {
      this.#options.log.info(`earlier runs without the server used ${paid} seconds of grace`);
    }
    if (!this.#graceBudget.hasGrace) {
      throw new UnreachableError("grace_exhausted", `${GRACE_EXHAUSTED} — cannot start`);
    }
    this.#options.log.warn(
      `Server unreachable, operating under grace period (${this.graceRemainingSeconds} seconds remaining)`,
      { why: answer.why },
    );
  }

  /** Looks at the clock; one that was set back costs grace, and may end a run that has no server to go on with. */
  async checkClock(): Promise<Verdict> {
    if (!await this.#graceBudget.enterClock()) return GO_ON;
    this.#tellGrace(this.graceRemainingSeconds);
    return this.#graceBudget.isOffline && !this.#graceBudget.hasGrace
      ? { kind: "stop", error: exhausted("clock rollback") }
      : GO_ON;
  }

  /** Notes that the run is alive, and looks at the clock. */
  async keepAlive(): Promise<Verdict> {
    this.#graceBudget.tolerateFaults();
    const verdict = await this.checkClock();
    await this.#graceBudget.keepAlive();
    return verdict;
  }

  /** One heartbeat of a running software, with its retries, within its interval. */
  async beat(signal: AbortSignal, withinMs: number): Promise<Verdict> {
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
      await this.#graceBudget.enterRefusal();
      return GO_ON;
    }
    return signal.aborted ? GO_ON : await this.#miss(answer.why);
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

  #heartbeat(signal: AbortSignal): Promise<Answer> {
    return this.#options.client.heartbeat(
      { ...this.#identity, software_version: VERSION },
      this.#request(signal),
    );
  }

  /** A stranger's refusal must not stop the meter. */
  #distrustUnsigned(answer: Answer): Answer {
    if (answer.kind !== "refused" || answer.signed) return answer;
    return {
      kind: "unreachable",
      why: `unverified answer: refusal without signature: ${answer.message}`,
    };
  }

  async #accept({ payload, respondedAtMs }: Answer & { kind: "verified" }): Promise<Verdict> {
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
    else await this.#graceBudget.enterAnswer(respondedAtMs, forbiddingStatus);
    return verdict;
  }

  /** Who was told that the license is revoked does not get round it by pulling the plug: grace is for other days. */
  #heedLastWord(): void {
    const { forbiddingStatus } = this.#graceBudget;
    const verdict = forbiddingStatus === null ? GO_ON : judgeStatus(forbiddingStatus);
    if (verdict.kind === "stop") throw verdict.error;
  }

  async #miss(why: string): Promise<Verdict> {
    const { log } = this.#options;
    await this.#graceBudget.enterMiss();
    this.#tellGrace(this.graceRemainingSeconds);
    if (this.#graceBudget.hasGrace) {
      log.warn(`Heartbeat failed (${why}), grace remaining: ${this.graceRemainingSeconds} seconds`);
      return GO_ON;
    }
    return { kind: "stop", error: exhausted(why) };
  }

  /** Without the server's word on it state and key stay, so that the next start can acknowledge again, and run nothing. */
  async #decommission(): Promise<void> {
    const { client, log } = this.#options;
    const answer = await client.acknowledgeDecommission(
      this.#identity,
      this.#request(new AbortController().signal),
    );
    if (answer.kind === "verified") return await this.#graceBudget.forget();
    const why = answer.kind === "refused" ? answer.message : answer.why;
    this.#graceBudget.tolerateFaults();
    await this.#graceBudget.enterDecommission();
    log.warn(`decommission could not be acknowledged (${why}): the next start tries again`);
  }
}

function exhausted(why: string): UnreachableError {
  return new UnreachableError("grace_exhausted", `${GRACE_EXHAUSTED} (${why}) — software stopped`);
}

function activationRefusal({ message, signed }: Answer & { kind: "refused" }): string {
  return signed
    ? `activation refused: ${message}`
    : `activation refused (unsigned answer): ${message}`;
}
