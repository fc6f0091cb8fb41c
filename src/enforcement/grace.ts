import type { Host } from "../platform/host.ts";
import type { StandardLicense } from "../license/payload.ts";
import type { LicenseRecord, State } from "../state/state_file.ts";
import { describeError } from "../core/errors.ts";
import type { BootReading } from "../platform/contract.ts";
import type { Findings } from "./tamper_findings.ts";
import { markAlive, type Moment, OfflineTime, TrustedTime, unchargedMs } from "./trusted_time.ts";

/** The part of a license's record that is the grace meter; seconds. */
interface GraceMeter {
  readonly grace_remaining_seconds: number;
  readonly grace_exhausted: boolean;
}

const SECONDS_PER_DAY = 86_400, SECONDS_PER_MINUTE = 60;

/** An interval and all retries of its heartbeat end within two; who was away for longer was frozen, and missed several. */
const LONGEST_HONEST_INTERVALS = 3;

/** The whole quota, as a license starts with it. */
function fullGrace(days: number): GraceMeter {
  return { grace_remaining_seconds: days * SECONDS_PER_DAY, grace_exhausted: false };
}

/** What is left after so many seconds. Nothing ever gives any of them back. */
export function charge<M extends GraceMeter>(meter: M, seconds: number): M {
  const left = Math.max(0, meter.grace_remaining_seconds - seconds);
  return {
    ...meter,
    grace_remaining_seconds: left,
    grace_exhausted: meter.grace_exhausted || left === 0,
  };
}

/** An interval between heartbeats, in seconds. */
function intervalSeconds(intervalMinutes: number): number {
  return intervalMinutes * SECONDS_PER_MINUTE;
}

/**
 * The seconds that a missed heartbeat costs: one interval, or all that have gone by where the process was frozen.
 *
 * @param unpaidMs Time without the server that is not paid for.
 */
export function costOfMiss(intervalMinutes: number, unpaidMs: number): number {
  const seconds = intervalSeconds(intervalMinutes);
  const intervals = Math.floor(unpaidMs / 1000 / seconds);
  return seconds * (intervals < LONGEST_HONEST_INTERVALS ? 1 : intervals);
}

/** Whether the software may run while the server is unreachable. */
export function hasGrace({ grace_remaining_seconds, grace_exhausted }: GraceMeter): boolean {
  return !grace_exhausted && grace_remaining_seconds > 0;
}

/** The state of a machine that has never run. */
export function freshState(machineId: string): State {
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

/** What is remembered of this license; a new license starts with its full grace and no activation. */
export function recordOf(state: State, license: StandardLicense): LicenseRecord {
  return state.licenses.find(({ license_key }) => license_key === license.license_key) ?? {
    license_key: license.license_key,
    activated: false,
    ...fullGrace(license.heartbeat_grace_period_days),
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 0,
    last_alive: null,
  };
}

/** The state with this record in place of the license's old one; every other license's stays. */
export function withRecord(state: State, record: LicenseRecord): State {
  const others = state.licenses.filter(({ license_key }) => license_key !== record.license_key);
  return { ...state, licenses: [...others, record] };
}

/** Where state and keys are kept, as far as a lease needs them. */
export interface LeaseStorage {
  /** `ahead`: not even a kill in the middle may lose it. */
  save(state: State, options: { readonly ahead: boolean }): Promise<void>;
  /** Does what can wait until the software runs. */
  settle(): Promise<void>;
  /** Forgets state and machine key for good. */
  forget(): Promise<void>;
}

/** What one ledger leaves to the next of the same run. */
export interface GraceBudgetMemory {
  readonly state: State;
  /** Absent in the first one. */
  readonly time?: TrustedTime;
}

interface GraceBudgetOptions extends Pick<Host, "clock" | "log"> {
  readonly license: StandardLicense;
  readonly memory: GraceBudgetMemory;
  readonly storage: LeaseStorage;
  readonly readBootClock: () => BootReading;
  readonly findings: Findings;
}

/** The accounts of one license on this machine: what it has used without the server, and what is left. Each entry is saved. */
export class GraceBudget {
  readonly #options: GraceBudgetOptions;
  readonly #offline: OfflineTime;
  readonly #time: TrustedTime;
  #state: State;
  /** When the server was last there, or this run began; by the monotonic clock. */
  #reachedAtMs: number;
  /** Ends with the save that was begun last: one at a time may write. */
  #saved: Promise<unknown> = Promise.resolve();
  /** A full disk keeps the software from starting, but does not stop it. */
  #toleratesFaults = false;
  #isForgotten = false;

  constructor(options: GraceBudgetOptions) {
    const { clock, memory: { state, time } } = options;
    this.#options = options;
    this.#state = state;
    this.#offline = new OfflineTime(clock);
    this.#time = time ??
      new TrustedTime(clock, Math.max(state.latest_known_ms, state.last_responded_at_ms));
    this.#reachedAtMs = clock.monotonicMs();
  }

  /** For the ledger of the license that follows, once this one has ended. */
  get memory(): GraceBudgetMemory {
    return { state: this.#state, time: this.#time };
  }

  get machineId(): string {
    return this.#state.machine_id;
  }

  get isActivated(): boolean {
    return this.#record.activated;
  }

  /** Whether nothing may run on this machine until the server says otherwise. */
  get isDecommissioned(): boolean {
    return this.#record.is_decommissioned;
  }

  /** With which the server forbade the software to run, until it says otherwise. */
  get forbiddingStatus(): string | null {
    return this.#record.forbidding_status;
  }

  get isOffline(): boolean {
    return this.#offline.isRunning;
  }

  /** The newest time that the server signed, milliseconds since the Unix epoch. */
  get lastRespondedAtMs(): number {
    return this.#state.last_responded_at_ms;
  }

  /** Now, milliseconds since the Unix epoch; never earlier than what is known to be true. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Seconds that the software may still run without the server. */
  get graceRemainingSeconds(): number {
    return this.#record.grace_remaining_seconds;
  }

  get hasGrace(): boolean {
    return hasGrace(this.#record) && !this.#state.is_unconfirmed;
  }

  /** From now on a state that cannot be saved is an error in the log, and no end. */
  tolerateFaults(): void {
    this.#toleratesFaults = true;
  }

  async enterActivation(respondedAtMs: number): Promise<void> {
    await this.#save({ ...this.#record, activated: true }, respondedAtMs);
  }

  /** The server took this machine off the license, but could not be told that it has been. */
  async enterDecommission(): Promise<void> {
    await this.#save({ ...this.#record, is_decommissioned: true });
  }

  /**
   * The server is there: the meter stops.
   *
   * @param forbiddingStatus With which it forbids the software to run; `null` where it allows that.
   */
  async enterAnswer(respondedAtMs: number, forbiddingStatus: string | null = null): Promise<void> {
    this.#stopMeter();
    this.#time.confirm(Math.max(respondedAtMs, this.lastRespondedAtMs));
    this.#state = { ...this.#state, is_unconfirmed: false };
    this.#options.findings.settleRollbacks();
    await this.#save({
      ...this.#record,
      is_decommissioned: false,
      forbidding_status: forbiddingStatus,
      unpaid_ms: 0,
      last_alive: null,
    }, respondedAtMs);
  }

  /** The server is there, but says nothing that counts. */
  async enterRefusal(): Promise<void> {
    const wasOffline = this.isOffline;
    this.#stopMeter();
    if (!wasOffline) return;
    await this.#save({ ...this.#record, unpaid_ms: 0, last_alive: null });
  }

  /**
   * A start without the server: it pays first for what the runs before it used and did not pay for.
   *
   * @returns The seconds paid.
   */
  async startOffline(): Promise<number> {
    const now = this.#now();
    const paid = Math.ceil(unchargedMs(this.#record, now) / 1000);
    const record = charge({ ...this.#record, unpaid_ms: 0, last_alive: null }, paid);
    this.#offline.start(this.#options.clock.monotonicMs());
    const last_alive = hasGrace(record) && !this.#state.is_unconfirmed ? markAlive(now) : null;
    await this.#save({ ...record, last_alive, grace_exhausted: !hasGrace(record) });
    return paid;
  }

  async enterMiss(): Promise<void> {
    this.#offline.start(this.#reachedAtMs);
    const { heartbeat_interval_minutes } = this.#options.license;
    const seconds = costOfMiss(heartbeat_interval_minutes, this.#offline.unpaidMs);
    this.#offline.pay(seconds * 1000);
    await this.#save(this.#withOfflineTime(charge(this.#record, seconds)));
  }

  /** Looks whether the wall clock was set back, which costs an interval. Whether it did. */
  async enterClock(): Promise<boolean> {
    if (this.#time.takeRollback() === undefined) return false;
    const { findings, license } = this.#options;
    findings.report(this.#time.describeRollback());
    await this.#save(charge(this.#record, intervalSeconds(license.heartbeat_interval_minutes)));
    return true;
  }

  /** Notes that a run without the server is alive, and what it owes. */
  async keepAlive(): Promise<void> {
    if (this.isOffline) await this.#save(this.#withOfflineTime(this.#record));
    else await this.#write(() => this.#options.storage.settle());
  }

  /** The software is gone: nothing more is used. */
  async end(): Promise<void> {
    if (!this.isOffline || this.#isForgotten) return;
    const record = this.#withOfflineTime(this.#record);
    this.#stopMeter();
    await this.#save({ ...record, last_alive: null });
  }

  async forget(): Promise<void> {
    this.#isForgotten = true;
    await this.#inTurn(() => this.#options.storage.forget());
  }

  get #record(): LicenseRecord {
    return recordOf(this.#state, this.#options.license);
  }

  #now(): Moment {
    const { clock, readBootClock } = this.#options;
    return { wallMs: clock.wallMs(), boot: readBootClock() };
  }

  #stopMeter(): void {
    this.#offline.stop();
    this.#reachedAtMs = this.#options.clock.monotonicMs();
  }

  #withOfflineTime(record: LicenseRecord): LicenseRecord {
    return {
      ...record,
      unpaid_ms: Math.max(0, this.#offline.unpaidMs),
      last_alive: markAlive(this.#now()),
    };
  }

  async #save(record: LicenseRecord, respondedAtMs?: number): Promise<void> {
    const state = withRecord(this.#state, record);
    this.#state = {
      ...state,
      last_responded_at_ms: Math.max(state.last_responded_at_ms, respondedAtMs ?? 0),
      latest_known_ms: this.nowMs(),
    };
    // what the server allows costs nothing
    const ahead = respondedAtMs === undefined || record.forbidding_status !== null;
    await this.#write(() => this.#options.storage.save(this.#state, { ahead }));
  }

  async #write(write: () => Promise<void>): Promise<void> {
    try {
      await this.#inTurn(async () => {
        if (!this.#isForgotten) await write();
      });
    } catch (error) {
      if (!this.#toleratesFaults) throw error;
      this.#options.log.error(`state cannot be saved: ${describeError(error)}`);
    }
  }

  async #inTurn(write: () => Promise<void>): Promise<void> {
    const written = this.#saved.then(write);
    this.#saved = written.catch(() => {});
    await written;
  }
}
