import type { Platform } from "../platform/contract.ts";
import type { Host } from "../platform/host.ts";
import type { ServerAnswer } from "../activation/answer.ts";
import type { LicenseServerApi, RequestOptions } from "../activation/client.ts";
import { isFormCode, MACHINE_UNKNOWN } from "../activation/messages.ts";
import {
  asUnreachable,
  CONTINUE,
  createActivationError,
  createExhaustedError,
  DECOMMISSIONED,
  type HeartbeatAnswer,
  judgeHeartbeat,
  judgeStatus,
  type LastHeartbeat,
  type LeaseVerdict,
  RefusedError,
  UnreachableError,
} from "./judgment.ts";
import { readLink } from "../activation/nonce_chain.ts";
import { ACTIVATION_RETRIES, planHeartbeatRetries, retryUnreachable } from "../activation/retry.ts";
import { VERSION } from "../core/build_info.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { Envelope } from "../signing/envelope.ts";
import type { GraceBudget } from "./grace.ts";

interface LeaseOptions extends Pick<Host, "clock" | "random" | "log"> {
  readonly license: StandardLicense;
  readonly graceBudget: GraceBudget;
  readonly client: LicenseServerApi;
  /** For messages. */
  readonly serverUrl: string;
  readonly publicKeyPem: string;
  readonly platform: Pick<Platform, "wireName">;
}

const MINUTE_MS = 60_000, SECOND_MS = 1000;

/** Parts of the whole grace at which a warning says what is left. */
const WARNED_PARTS = [1 / 2, 1 / 4, 1 / 10];

/** The server's answer to a nonce of the software's, or why there is none. */
export type Confirmation =
  | { readonly kind: "signed"; readonly answer: Envelope }
  | { readonly kind: "none"; readonly reason: "grace" | "unreachable" };

/** A license that the server activates and confirms by heartbeats; it runs on grace while the server is unreachable. */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #graceBudget: GraceBudget;
  #status = "ACTIVE";
  /** Whether a person may be waiting for the first heartbeat's answer. */
  #isStarting = true;
  #onGraceCharged: (remainingSeconds: number) => void = () => {};
  #lastHeartbeat: LastHeartbeat | undefined;
  /** Answers of the server to the software's nonces. */
  #confirmations = 0;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#graceBudget = options.graceBudget;
  }

  /** This machine, as the server knows it. */
  get machineId(): string {
    return this.#graceBudget.machineId;
  }

  /** Seconds for which the software may still run without the server. */
  get graceRemainingSeconds(): number {
    return this.#graceBudget.graceRemainingSeconds;
  }

  /** The status that the server named last. */
  get status(): string {
    return this.#status;
  }

  /** The last heartbeat, if there was one. */
  get lastHeartbeat(): LastHeartbeat | undefined {
    return this.#lastHeartbeat;
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
    const { license, clock, random, log } = this.#options;
    const answer = await retryUnreachable((both) => this.#askToActivate(both), {
      ...ACTIVATION_RETRIES,
      ...{ clock, random, signal },
      onFirstFailure: (why) => log.info(`activation failed (${why}), trying again`),
    });
    if (answer.kind === "unreachable") {
      throw new UnreachableError(
        "activation",
        `server unreachable (${answer.why}): ${this.#options.serverUrl} — cannot activate this machine`,
      );
    }
    if (answer.kind === "refused" || answer.kind === "unsigned") {
      throw createActivationError(answer);
    }
    const verdict = judgeStatus(answer.payload.status);
    if (verdict.kind === "stop") throw verdict.error;
    await this.#graceBudget.recordActivation({
      respondedAtMs: answer.respondedAtMs,
      nonce: answer.payload.request_nonce,
    });
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
    const answer = await this.#heartbeat(signal);
    this.#isStarting = false;
    if (answer.kind === "refused") throw answer.error;
    if (answer.kind === "status") {
      const verdict = await this.#accept(answer);
      if (verdict.kind === "stop") throw verdict.error;
      return;
    }
    if (this.#graceBudget.isDecommissioned) throw DECOMMISSIONED;
    this.#requireNotForbidden();
    await this.checkClock();
    const charged = await this.#graceBudget.startOffline();
    if (charged > 0) {
      this.#options.log.info(`earlier runs without the server used ${charged} seconds of grace`);
    }
    if (!this.#graceBudget.hasGrace) {
      throw createExhaustedError("cannot start");
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
      ? { kind: "stop", error: createExhaustedError("software stopped", "clock rollback") }
      : CONTINUE;
  }

  /** Saves that the run is alive, and checks the clock. Without the server, saves may fail for one interval. */
  async keepAlive(): Promise<LeaseVerdict> {
    this.#graceBudget.tolerateFaults();
    const verdict = await this.checkClock();
    await this.#graceBudget.keepAlive();
    const minutes = this.#options.license.heartbeat_interval_minutes;
    if (verdict.kind === "stop" || this.#graceBudget.unsavedMs < minutes * MINUTE_MS) {
      return verdict;
    }
    return {
      kind: "stop",
      error: new UnreachableError(
        "unsaved",
        `server unreachable, and the state cannot be saved for ${minutes} minutes — software stopped`,
      ),
    };
  }

  /** Sends one heartbeat of running software, with retries for a part of the license's interval. */
  async beat(signal: AbortSignal): Promise<LeaseVerdict> {
    this.#graceBudget.tolerateFaults();
    const { clock, random, log, license } = this.#options;
    const confirmations = this.#confirmations;
    const intervalMs = license.heartbeat_interval_minutes * MINUTE_MS;
    const answer = await retryUnreachable((both) => this.#heartbeat(both), {
      ...planHeartbeatRetries(intervalMs),
      ...{ clock, random, signal },
      onFirstFailure: (why) => {
        if (this.#graceBudget.isOffline) return;
        const time = this.#stopTime();
        log.warn(
          `Heartbeat failed (${why}), trying again: the software would be stopped at ${time}`,
        );
      },
    });
    if (answer.kind === "status") return await this.#accept(answer);
    if (answer.kind === "refused") return await this.#miss(answer.error.message);
    const wasReached = this.#confirmations > confirmations;
    return signal.aborted || wasReached ? CONTINUE : await this.#miss(answer.why);
  }

  /**
   * Sends one heartbeat with a nonce of the software's. A miss costs nothing: the heartbeats of the interval do.
   *
   * A nonce that claims a place among the requests by which the server finds copies of a machine is not sent; a random one
   * does so once in 65,536 times.
   *
   * @returns At once, with the answer; `verdict` follows when it is saved.
   */
  async confirm(
    nonce: string,
    signal: AbortSignal,
  ): Promise<{ readonly confirmation: Confirmation; readonly verdict: Promise<LeaseVerdict> }> {
    const undecided = Promise.resolve(CONTINUE);
    if (readLink(nonce) !== undefined) {
      return { confirmation: this.unconfirmed, verdict: undecided };
    }
    this.#graceBudget.tolerateFaults();
    const answer = await this.#options.client.heartbeat(
      { ...this.#identity, software_version: VERSION },
      { ...this.#request(signal), nonce },
    );
    const judged = judgeHeartbeat(answer);
    const confirmation: Confirmation = answer.kind === "verified"
      ? { kind: "signed", answer: answer.envelope }
      : this.unconfirmed;
    if (judged.kind !== "status") return { confirmation, verdict: undecided };
    this.#confirmations++;
    this.#noteHeartbeat(judged);
    // the server does not link a nonce of the software's
    const { nonce: _, ...unlinked } = judged;
    return { confirmation, verdict: this.#accept(unlinked) };
  }

  /** Why the server cannot confirm the license, if it does not answer now. */
  get unconfirmed(): Confirmation {
    return { kind: "none", reason: this.#graceBudget.isOffline ? "grace" : "unreachable" };
  }

  get #identity(): { license_key: string; machine_id: string } {
    return {
      license_key: this.#options.license.license_key,
      machine_id: this.#graceBudget.machineId,
    };
  }

  #request(signal: AbortSignal): RequestOptions {
    const { log } = this.#options;
    return {
      lastRespondedAtMs: this.#graceBudget.lastRespondedAtMs,
      answeredNonce: this.#graceBudget.answeredNonce,
      signal,
      ...(this.#isStarting && {
        onSlow: (url) =>
          log.warn(`the license server is slow, still waiting for its answer: ${url}`),
      }),
    };
  }

  async #askToActivate(signal: AbortSignal): Promise<ServerAnswer> {
    const { client, platform, publicKeyPem } = this.#options;
    const answer = await client.activate({
      ...this.#identity,
      machine_public_key_pem: publicKeyPem,
      platform: platform.wireName,
      software_version: VERSION,
    }, this.#request(signal));
    return answer.kind === "refused" && isFormCode(answer.code) ? asUnreachable(answer) : answer;
  }

  /** Asks once. A server that has lost this machine, for example by a restore of its database, is asked to activate it. */
  async #heartbeat(signal: AbortSignal): Promise<HeartbeatAnswer> {
    const answer = await this.#askForStatus(signal);
    this.#noteHeartbeat(answer);
    return answer;
  }

  #noteHeartbeat(answer: HeartbeatAnswer): void {
    const outcome = answer.kind === "status" ? answer.status : answer.kind;
    this.#lastHeartbeat = { at: new Date(this.nowMs()).toISOString(), outcome };
  }

  async #askForStatus(signal: AbortSignal): Promise<HeartbeatAnswer> {
    const answer = await this.#options.client.heartbeat(
      { ...this.#identity, software_version: VERSION },
      this.#request(signal),
    );
    if (answer.kind !== "refused" || answer.code !== MACHINE_UNKNOWN) return judgeHeartbeat(answer);
    this.#options.log.warn("the server does not know this machine any more: activating it again");
    return judgeHeartbeat(await this.#askToActivate(signal));
  }

  /** When grace is used up if the server stays unreachable from now on (RFC 3339). */
  #stopTime(): string {
    const leftMs = this.#graceBudget.hasGrace ? this.graceRemainingSeconds * SECOND_MS : 0;
    return new Date(this.nowMs() + leftMs).toISOString();
  }

  async #accept(answer: HeartbeatAnswer & { kind: "status" }): Promise<LeaseVerdict> {
    const { status } = answer;
    if (this.#graceBudget.isOffline) {
      this.#options.log.info(
        `Server reachable again, ${this.graceRemainingSeconds} seconds of grace remaining`,
      );
    }
    this.#status = status;
    this.#options.log.debug(`heartbeat: ${status}`);
    const verdict = judgeStatus(status);
    const forbiddingStatus = verdict.kind === "stop" ? status : null;
    if (status === "DECOMMISSION_PENDING") await this.#decommission();
    else await this.#graceBudget.recordAnswer(answer, forbiddingStatus);
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
    const before = this.graceRemainingSeconds;
    await this.#graceBudget.chargeMiss();
    const left = this.graceRemainingSeconds;
    this.#onGraceCharged(left);
    if (!this.#graceBudget.hasGrace) {
      return { kind: "stop", error: createExhaustedError("software stopped", why) };
    }
    log.warn(`Heartbeat failed (${why}), grace remaining: ${left} seconds`);
    const wholeSeconds = this.#graceBudget.wholeSeconds;
    if (WARNED_PARTS.some((part) => before > part * wholeSeconds && left <= part * wholeSeconds)) {
      const percent = Math.floor(100 * left / wholeSeconds);
      log.warn(
        `${percent} % of the grace period is left: the software stops at ${this.#stopTime()}`,
      );
    }
    return CONTINUE;
  }

  /**
   * Gives this machine's place on the license back, and forgets the license.
   *
   * @returns False if the machine has none.
   * @throws {RefusedError}
   * @throws {UnreachableError} In both cases nothing was changed.
   */
  async release(signal: AbortSignal): Promise<boolean> {
    if (!this.#graceBudget.isActivated) return false;
    const { client, serverUrl } = this.#options;
    const answer = await client.acknowledgeDecommission(this.#identity, this.#request(signal));
    if (answer.kind === "unreachable" || answer.kind === "unsigned") {
      const why = answer.kind === "unreachable" ? answer.why : `unsigned: ${answer.message}`;
      throw new UnreachableError(
        "release",
        `server unreachable (${why}): ${serverUrl} — nothing was changed on this machine, try again`,
      );
    }
    // the server may have lost the machine, which has no place then
    if (answer.kind === "refused" && answer.code !== MACHINE_UNKNOWN) {
      throw new RefusedError("release", `deactivation refused: ${answer.message}`);
    }
    await this.#graceBudget.forget();
    return true;
  }

  /** Until the server confirms, state and key stay, so that the next start runs nothing and acknowledges again. */
  async #decommission(): Promise<void> {
    const { client, log } = this.#options;
    const answer = await client.acknowledgeDecommission(
      this.#identity,
      this.#request(new AbortController().signal),
    );
    if (answer.kind === "verified") return await this.#graceBudget.forget();
    const why = answer.kind === "unreachable" ? answer.why : answer.message;
    this.#graceBudget.tolerateFaults();
    await this.#graceBudget.recordDecommission();
    log.warn(`decommission could not be acknowledged (${why}): the next start tries again`);
  }
}
