import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { LicenseRecord, MachineRecord } from "./records.ts";
import type { Facts, Scope } from "./store.ts";

type Row = Record<string, SQLOutputValue>;

/** Reads records over one connection; its statements are prepared once. */
export class RowReader {
  readonly #license: StatementSync;
  readonly #machine: StatementSync;
  readonly #nonce: StatementSync;
  readonly #licenses: StatementSync;
  readonly #machines: StatementSync;

  /** @param db Stays the caller's. */
  constructor(db: DatabaseSync) {
    this.#license = db.prepare("SELECT * FROM licenses WHERE license_key = ?");
    this.#machine = db.prepare("SELECT * FROM machines WHERE license_key = ? AND machine_id = ?");
    this.#nonce = db.prepare("SELECT 1 FROM nonces WHERE nonce = ?");
    this.#licenses = db.prepare("SELECT * FROM licenses ORDER BY license_key");
    this.#machines = db.prepare(
      "SELECT * FROM machines WHERE license_key = ? ORDER BY activated_at, machine_id",
    );
  }

  readFacts({ licenseKey, machineId, nonce }: Scope): Facts {
    const license = this.#license.get(licenseKey);
    const machine = machineId === undefined ? undefined : this.#machine.get(licenseKey, machineId);
    return {
      license: license && licenseOf(license),
      machine: machine && machineOf(machine),
      isNonceUsed: nonce !== undefined && this.#nonce.get(nonce) !== undefined,
    };
  }

  readLicenses(): LicenseRecord[] {
    return this.#licenses.all().map(licenseOf);
  }

  readMachines(licenseKey: string): MachineRecord[] {
    return this.#machines.all(licenseKey).map(machineOf);
  }
}

function licenseOf(row: Row): LicenseRecord {
  return {
    licenseKey: String(row["license_key"]),
    orgId: String(row["org_id"]),
    softwareId: String(row["software_id"]),
    licenseType: row["license_type"] as LicenseRecord["licenseType"],
    issueDate: String(row["issue_date"]),
    expiryDate: String(row["expiry_date"]),
    maxMachines: Number(row["max_machines"]),
    featuresJson: String(row["features"]),
    heartbeatIntervalMinutes: optionalNumber(row["heartbeat_interval_minutes"]),
    heartbeatGracePeriodDays: optionalNumber(row["heartbeat_grace_period_days"]),
    status: row["status"] as LicenseRecord["status"],
    activeMachines: Number(row["active_machines"]),
    registeredAtMs: Number(row["registered_at"]),
  };
}

function machineOf(row: Row): MachineRecord {
  return {
    licenseKey: String(row["license_key"]),
    machineId: String(row["machine_id"]),
    publicKeyPem: String(row["public_key_pem"]),
    platform: String(row["platform"]),
    softwareVersion: String(row["software_version"]),
    status: row["status"] as MachineRecord["status"],
    activatedAtMs: Number(row["activated_at"]),
    lastSeenAtMs: Number(row["last_seen_at"]),
  };
}

function optionalNumber(value: SQLOutputValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}
