import type { License } from "../license/payload.ts";
import type {
  LicenseRecord,
  MachineRecord,
  MachineStatus,
  StoredLicenseStatus,
} from "./records.ts";

/** Which rows a decision is about. */
export interface Scope {
  readonly licenseKey: string;
  readonly machineId?: string;
  /** Of a signed request. */
  readonly nonce?: string;
}

/** What is stored about a scope at one moment. */
export interface Facts {
  readonly license: LicenseRecord | undefined;
  readonly machine: MachineRecord | undefined;
  /** Whether the scope's nonce is remembered. */
  readonly isNonceUsed: boolean;
}

/** The row that goes with a state change: what was done, when (milliseconds since the Unix epoch), and from where. */
export interface Audit {
  readonly action: string;
  readonly atMs: number;
  /** `command line`, or the address of the client. */
  readonly actor: string;
}

/** Something to write about the scope. What changes a state cannot be said without its audit row. */
export type Change =
  | { readonly kind: "register_license"; readonly license: License; readonly audit: Audit }
  | {
    readonly kind: "set_license_status";
    readonly status: StoredLicenseStatus;
    readonly audit: Audit;
  }
  | { readonly kind: "put_machine"; readonly machine: MachineRecord; readonly audit: Audit }
  | { readonly kind: "set_machine_status"; readonly status: MachineStatus; readonly audit: Audit }
  | { readonly kind: "note_heartbeat"; readonly atMs: number; readonly softwareVersion: string }
  | {
    readonly kind: "remember_nonce";
    /** From then on (Unix seconds) the request's own timestamp refuses it. */
    readonly uselessFromSeconds: number;
    readonly nowSeconds: number;
  };

/** What comes of looking at the facts: an outcome for the caller and what is to be written; a refusal writes nothing. */
export interface Decision<T> {
  readonly outcome: T;
  readonly changes: readonly Change[];
}

/**
 * Where licenses, machines, nonces and the audit trail are kept.
 *
 * Rules live in pure functions that are handed to {@linkcode LicenseStore.decide}; a store only has to run them against
 * facts that nobody else can change in between.
 */
export interface LicenseStore extends AsyncDisposable {
  /** What is stored now; nothing is held afterwards. */
  read(scope: Scope): Promise<Facts>;
  /**
   * Looks at the facts, decides, and writes the changes with their audit rows: one transaction, serialized against
   * all others. Resolves once it is durable; when `decide` throws, nothing is written.
   *
   * @throws {SentinelError} `config.database_locked` where another process holds the database for too long.
   */
  decide<T>(scope: Scope, decide: (facts: Facts) => Decision<T>): Promise<T>;
  /** All licenses by key. */
  listLicenses(): Promise<LicenseRecord[]>;
  /** A license's machines, oldest activation first. */
  listMachines(licenseKey: string): Promise<MachineRecord[]>;
}
