import type { License } from "../license/payload.ts";
import type {
  LicenseRecord,
  MachineRecord,
  MachineStatus,
  StoredLicenseStatus,
} from "./records.ts";

/** The rows that a decision concerns. */
export interface Scope {
  readonly licenseKey: string;
  readonly machineId?: string;
  /** A signed request's nonce. */
  readonly nonce?: string;
}

/** The stored state of a scope at one moment. */
export interface StoredRecords {
  readonly license: LicenseRecord | undefined;
  readonly machine: MachineRecord | undefined;
  /** Whether the scope's nonce is stored. */
  readonly isNonceUsed: boolean;
}

/** The audit row of a state change. `atMs`: milliseconds since the Unix epoch. */
export interface Audit {
  readonly action: string;
  readonly atMs: number;
  /** `command line`, or the client's address. */
  readonly actor: string;
}

/** A write to the scope. Each state change carries its audit row. */
export type Change =
  | {
    readonly kind: "register_license";
    readonly license: License;
    readonly allowsRelease: boolean;
    readonly audit: Audit;
  }
  | {
    readonly kind: "set_license_status";
    readonly status: StoredLicenseStatus;
    readonly audit: Audit;
  }
  | { readonly kind: "set_license_closed"; readonly isClosed: boolean; readonly audit: Audit }
  /** An activation that took a place. */
  | { readonly kind: "count_activation"; readonly day: number; readonly count: number }
  /** The audit row is absent if the machine's status does not change. */
  | { readonly kind: "put_machine"; readonly machine: MachineRecord; readonly audit?: Audit }
  | { readonly kind: "set_machine_status"; readonly status: MachineStatus; readonly audit: Audit }
  | {
    readonly kind: "note_heartbeat";
    readonly atMs: number;
    readonly softwareVersion: string;
    readonly address: string;
    readonly chainJson: string | undefined;
  }
  /** Two copies of the machine's state are in use; the audit row is of the first time. */
  | { readonly kind: "note_copies"; readonly atMs: number; readonly audit?: Audit }
  | {
    readonly kind: "remember_nonce";
    /** Unix seconds from which the request's timestamp alone refuses a replay. */
    readonly expiresAtSeconds: number;
    readonly nowSeconds: number;
  };

/** The outcome for the caller, and the writes; a refusal has none. */
export interface Decision<T> {
  readonly outcome: T;
  readonly changes: readonly Change[];
}

/**
 * Stores licenses, machines, nonces and the audit trail.
 *
 * Rules are pure functions passed to {@linkcode LicenseStore.decide}; a store runs them in isolation.
 */
export interface LicenseStore extends AsyncDisposable {
  /** Reads the committed state. */
  read(scope: Scope): Promise<StoredRecords>;
  /**
   * Runs `decide` and writes its changes with their audit rows in one serialized transaction. Resolves once it is durable;
   * if `decide` throws, nothing is written.
   *
   * @throws {SentinelError} `config.database_locked` Another process holds the database for too long.
   */
  decide<T>(scope: Scope, decide: (records: StoredRecords) => Decision<T>): Promise<T>;
  /** Lists all licenses by key. */
  listLicenses(): Promise<LicenseRecord[]>;
  /** Lists a license's machines, oldest activation first. */
  listMachines(licenseKey: string): Promise<MachineRecord[]>;
}
