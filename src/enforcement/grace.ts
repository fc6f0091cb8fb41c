import type { Host } from "../platform/host.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { LicenseRecord, State } from "../state/state_file.ts";
import { describeError } from "../core/errors.ts";
import type { BootReading } from "../platform/contract.ts";
import type { TamperFindings } from "./tamper_findings.ts";
import {
  type AwakeReading,
  computeUnchargedMs,
  markAlive,
  type Moment,
  OfflineTime,
  TrustedTime,
} from "./trusted_time.ts";

/** The grace fields of a license's record; seconds. */
interface GraceMeter {
  readonly grace_remaining_seconds: number;
  readonly grace_exhausted: boolean;
}

const SECONDS_PER_DAY = 86_400, SECONDS_PER_MINUTE = 60;

/** A heartbeat and its retries end within two intervals; a longer gap means that the process was frozen. */
const FREEZE_THRESHOLD_INTERVALS = 3;

/** Subtracts seconds from the grace that is left. Grace is never given back. */
function charge<M extends GraceMeter>(meter: M, seconds: number): M {
  const left = Math.max(0, meter.grace_remaining_seconds - seconds);
  return {
    ...meter,
    grace_remaining_seconds: left,
    grace_exhausted: meter.grace_exhausted || left === 0,
  };
}

/** The seconds that a missed heartbeat costs: one interval, or all that have passed if the process was frozen. */
function computeMissCost(intervalSeconds: number, unchargedMs: number): number {
  const intervals = Math.floor(unchargedMs / 1000 / intervalSeconds);
  return intervalSeconds * (intervals < FREEZE_THRESHOLD_INTERVALS ? 1 : intervals);
}

function hasGrace({ grace_remaining_seconds, grace_exhausted }: GraceMeter): boolean {
  return !grace_exhausted && grace_remaining_seconds > 0;
}

/** The state of a machine before its first run. */
export function createState(machineId: string): State {
  return {
    machine_id: machineId,
    last_responded_at_ms: 0,
    latest_known_ms: 0,
    counter: 0,
    has_outer_witness: false,
    is_unconfirmed: false,
    licenses: [],
  };
}

/** The license's record in the state; a new license has its full grace and is not activated. */
export function findRecord(state: State, license: StandardLicense): LicenseRecord {
  return state.licenses.find(({ license_key }) => license_key === license.license_key) ?? {
    license_key: license.license_key,
    activated: false,
    grace_remaining_seconds: license.heartbeat_grace_period_days * SECONDS_PER_DAY,
    grace_exhausted: false,
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 0,
    last_alive: null,
  };
}

/** Returns the state with the license's record replaced; it is no longer inherited. */
export function replaceRecord(state: State, record: LicenseRecord): State {
  const { is_inherited: _, ...own } = record;
  const { licenses } = removeRecord(state, record);
  return { ...state, licenses: [...licenses, own] };
}

function removeRecord(state: State, license: Pick<LicenseRecord, "license_key">): State {
  const licenses = state.licenses.filter(({ license_key }) => license_key !== license.license_key);
  return { ...state, licenses };
}

/** A signed answer to a request just made. */
interface ReceivedAnswer {
  /** Milliseconds since the Unix epoch. */
  readonly respondedAtMs: number;
  /** The request's nonce; absent if the server does not note the request. */
  readonly nonce?: string | undefined;
}

/** Storage of the state and the machine key. */
export interface LeaseStorage {
  /** With `ahead`, the change survives even if the process is killed while it saves. */
  save(state: State, options: { readonly ahead: boolean }): Promise<void>;
  /** Brings the state's replicas up to date, which a start leaves for later. */
  updateReplicas(): Promise<void>;
  /** Deletes state and machine key. */
  forget(): Promise<void>;
}

/** Passed from one license's budget to the next of the same run. */
export interface GraceBudgetMemory {
  readonly state: State;
  /** Absent at the start of a run. */
  readonly time?: TrustedTime;
}

interface GraceBudgetOptions extends Pick<Host, "clock" | "log"> {
  readonly license: StandardLicense;
  readonly memory: GraceBudgetMemory;
  readonly storage: LeaseStorage;
  readonly readBootClock: () => BootReading;
  readonly findings: TamperFindings;
}

/** The grace that one license has left on this machine. Every change is saved. */
export class GraceBudget {
  readonly #options: GraceBudgetOptions;
  readonly #offline: OfflineTime;
  readonly #time: TrustedTime;
  #state: State;
  /** When the server was last reachable, or this run began. */
  #reachedAt: AwakeReading;
  /** Resolves when the last write has ended; writes run one at a time. */
  #saved: Promise<unknown> = Promise.resolve();
  /** A full disk prevents a start but does not stop running software. */
  #toleratesFaults = false;
  /** Since when no save has succeeded without the server, by the monotonic clock; `undefined` if one has. */
  #unsavedSinceMs: number | undefined;
  #isForgotten = false;

  constructor(options: GraceBudgetOptions) {
    const { clock, memory: { state, time } } = options;
    this.#options = options;
    this.#state = state;
    this.#offline = new OfflineTime({
      read: () => this.#readAwake(),
      longestSleepMs: this.#intervalSeconds * 1000,
    });
    this.#time = time ??
      new TrustedTime(clock, Math.max(state.latest_known_ms, state.last_responded_at_ms));
    this.#reachedAt = this.#readAwake();
  }

  /** For the next license's budget; to be read after {@linkcode end}. */
  get memory(): GraceBudgetMemory {
    return { state: this.#state, time: this.#time };
  }

  get machineId(): string {
    return this.#state.machine_id;
  }

  get isActivated(): boolean {
    return this.#record.activated;
  }

  /** True until the server allows this machine again. */
  get isDecommissioned(): boolean {
    return this.#record.is_decommissioned;
  }

  /** The status with which the server forbade the software to run; `null` if it did not. */
  get forbiddingStatus(): string | null {
    return this.#record.forbidding_status;
  }

  get isOffline(): boolean {
    return this.#offline.isRunning;
  }

  /** The latest time that the server signed, milliseconds since the Unix epoch. */
  get lastRespondedAtMs(): number {
    return this.#state.last_responded_at_ms;
  }

  /** The nonce of this license's last request that was answered. */
  get answeredNonce(): string | undefined {
    return this.#record.answered_nonce;
  }

  /** Now, milliseconds since the Unix epoch; see {@linkcode TrustedTime}. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Seconds for which the software may still run without the server. */
  get graceRemainingSeconds(): number {
    return this.#record.grace_remaining_seconds;
  }

  /** Seconds of the whole grace period. */
  get wholeSeconds(): number {
    return this.#options.license.heartbeat_grace_period_days * SECONDS_PER_DAY;
  }

  get hasGrace(): boolean {
    return hasGrace(this.#record) && !this.#state.is_unconfirmed;
  }

  /** Milliseconds for which a run without the server could not save what it used: a kill would refund that. */
  get unsavedMs(): number {
    if (this.#unsavedSinceMs === undefined) return 0;
    return this.#options.clock.monotonicMs() - this.#unsavedSinceMs;
  }

  /** From now on, a failed save is logged and does not throw. */
  tolerateFaults(): void {
    this.#toleratesFaults = true;
  }

  async recordActivation(answer: ReceivedAnswer): Promise<void> {
    await this.#save({ ...this.#record, activated: true }, answer);
  }

  /** The server decommissioned this machine, but the acknowledgment did not reach it. */
  async recordDecommission(): Promise<void> {
    await this.#save({ ...this.#record, is_decommissioned: true });
  }

  /**
   * The server answered: stops charging. Its time is taken even if it is earlier than what was known: the answer is to this
   * request, so a wrong clock at both ends, once, settles here.
   *
   * @param forbiddingStatus The status with which it forbids the software to run; `null` if it allows it.
   */
  async recordAnswer(
    answer: ReceivedAnswer,
    forbiddingStatus: string | null = null,
  ): Promise<void> {
    this.#stopCharging();
    this.#time.confirm(answer.respondedAtMs);
    this.#state = { ...this.#state, is_unconfirmed: false };
    this.#options.findings.settleRollbacks();
    await this.#save({
      ...this.#record,
      is_decommissioned: false,
      forbidding_status: forbiddingStatus,
      unpaid_ms: 0,
      last_alive: null,
    }, answer);
  }

  /**
   * Starts a run without the server and charges what earlier runs left uncharged.
   *
   * @returns The seconds charged.
   */
  async startOffline(): Promise<number> {
    const now = this.#now();
    const seconds = Math.ceil(computeUnchargedMs(this.#record, now) / 1000);
    const record = charge({ ...this.#record, unpaid_ms: 0, last_alive: null }, seconds);
    this.#offline.start(this.#readAwake());
    const last_alive = hasGrace(record) && !this.#state.is_unconfirmed ? markAlive(now) : null;
    await this.#save({ ...record, last_alive, grace_exhausted: !hasGrace(record) });
    return seconds;
  }

  async chargeMiss(): Promise<void> {
    this.#offline.start(this.#reachedAt);
    const seconds = computeMissCost(this.#intervalSeconds, this.#offline.unchargedMs);
    this.#offline.charge(seconds * 1000);
    await this.#save(this.#withOfflineTime(charge(this.#record, seconds)));
  }

  /**
   * Charges one interval if the wall clock was set back.
   *
   * @returns Whether it was.
   */
  async chargeRollback(): Promise<boolean> {
    if (this.#time.takeRollback() === undefined) return false;
    this.#options.findings.report(this.#time.describeRollback());
    await this.#save(charge(this.#record, this.#intervalSeconds));
    return true;
  }

  /** Saves that a run without the server is alive, and its uncharged time. */
  async keepAlive(): Promise<void> {
    if (this.isOffline) await this.#save(this.#withOfflineTime(this.#record));
    else await this.#write(() => this.#options.storage.updateReplicas());
  }

  /** To be called after the software has ended. */
  async end(): Promise<void> {
    if (!this.isOffline || this.#isForgotten) return;
    const record = this.#withOfflineTime(this.#record);
    this.#stopCharging();
    await this.#save({ ...record, last_alive: null });
  }

  /** Removes the license; machine id and key go with the last one. */
  async forget(): Promise<void> {
    this.#isForgotten = true;
    const { license, storage } = this.#options;
    this.#state = removeRecord(this.#state, license);
    const isLast = this.#state.licenses.every(({ is_inherited = false }) => is_inherited);
    await this.#inTurn(() =>
      isLast ? storage.forget() : storage.save(this.#state, { ahead: true })
    );
  }

  get #intervalSeconds(): number {
    return this.#options.license.heartbeat_interval_minutes * SECONDS_PER_MINUTE;
  }

  get #record(): LicenseRecord {
    return findRecord(this.#state, this.#options.license);
  }

  #now(): Moment {
    const { clock, readBootClock } = this.#options;
    return { wallMs: clock.wallMs(), boot: readBootClock() };
  }

  #stopCharging(): void {
    this.#offline.stop();
    this.#unsavedSinceMs = undefined;
    this.#reachedAt = this.#readAwake();
  }

  #readAwake(): AwakeReading {
    const { clock, readBootClock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), sleptMs: readBootClock().sleptMs ?? 0 };
  }

  #withOfflineTime(record: LicenseRecord): LicenseRecord {
    return {
      ...record,
      unpaid_ms: Math.max(0, this.#offline.unchargedMs),
      last_alive: markAlive(this.#now()),
    };
  }

  async #save(record: LicenseRecord, answer?: ReceivedAnswer): Promise<void> {
    const answered_nonce = answer?.nonce ?? record.answered_nonce;
    const state = replaceRecord(this.#state, {
      ...record,
      ...(answered_nonce && { answered_nonce }),
    });
    this.#state = {
      ...state,
      last_responded_at_ms: answer?.respondedAtMs ?? state.last_responded_at_ms,
      latest_known_ms: this.nowMs(),
    };
    // losing the record of a permission cheats no one
    const ahead = answer === undefined || record.forbidding_status !== null;
    await this.#write(() => this.#options.storage.save(this.#state, { ahead }));
  }

  async #write(write: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(async () => {
        if (!this.#isForgotten) await write();
      });
      this.#unsavedSinceMs = undefined;
    } catch (error) {
      if (!this.#toleratesFaults) throw error;
      if (this.isOffline) this.#unsavedSinceMs ??= this.#options.clock.monotonicMs();
      this.#options.log.error(`state cannot be saved: ${describeError(error)}`);
    }
  }

  async #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#saved.then(write);
    this.#saved = written.catch(() => {});
    await written;
  }
}
