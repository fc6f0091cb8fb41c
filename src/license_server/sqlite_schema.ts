import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { LicenseRecord, MachineRecord } from "./records.ts";
import type { Facts, Scope } from "./store.ts";
import { describeError, SentinelError } from "../core/errors.ts";

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

/** `PRAGMA application_id` of our databases: "SNTL" in ASCII. */
const APPLICATION_ID = 0x534e544c;

/** `PRAGMA user_version` that this program writes and understands. */
const SCHEMA_VERSION = 2;

const TABLES = `
CREATE TABLE licenses (
  license_key TEXT PRIMARY KEY,
  org_id TEXT NOT NULL,
  software_id TEXT NOT NULL,
  license_type TEXT NOT NULL,
  issue_date TEXT NOT NULL,
  expiry_date TEXT NOT NULL,
  max_machines INTEGER NOT NULL,
  features TEXT NOT NULL,
  heartbeat_interval_minutes INTEGER,
  heartbeat_grace_period_days INTEGER,
  status TEXT NOT NULL,
  active_machines INTEGER NOT NULL DEFAULT 0,
  registered_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE machines (
  license_key TEXT NOT NULL REFERENCES licenses,
  machine_id TEXT NOT NULL,
  public_key_pem TEXT NOT NULL,
  platform TEXT NOT NULL,
  software_version TEXT NOT NULL,
  status TEXT NOT NULL,
  activated_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  PRIMARY KEY (license_key, machine_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE nonces (
  nonce TEXT PRIMARY KEY,
  useless_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX nonces_by_time ON nonces (useless_from);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  action TEXT NOT NULL,
  license_key TEXT NOT NULL,
  machine_id TEXT,
  actor TEXT NOT NULL
) STRICT;
`;

/** The states of a machine that does not count. */
const UNCOUNTED = "('LOST', 'DECOMMISSIONED')";

/**
 * The count of machines is kept by triggers, so that the limit costs the same at ten machines and at a hundred thousand.
 */
const TRIGGERS = `
CREATE TRIGGER machine_added AFTER INSERT ON machines WHEN new.status NOT IN ${UNCOUNTED} BEGIN
  UPDATE licenses SET active_machines = active_machines + 1 WHERE license_key = new.license_key;
END;
CREATE TRIGGER machine_moved AFTER UPDATE OF status ON machines BEGIN
  UPDATE licenses SET active_machines = active_machines
    - (old.status NOT IN ${UNCOUNTED}) + (new.status NOT IN ${UNCOUNTED})
    WHERE license_key = new.license_key;
END;
CREATE TRIGGER machine_removed AFTER DELETE ON machines WHEN old.status NOT IN ${UNCOUNTED} BEGIN
  UPDATE licenses SET active_machines = active_machines - 1 WHERE license_key = old.license_key;
END;
`;

/** What makes a database of each earlier version one of this; 0 is an empty one. No machine of version 1 is lost. */
const UPGRADES = [
  `${TABLES}${TRIGGERS}PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`,
  `DROP TRIGGER machine_added; DROP TRIGGER machine_moved; DROP TRIGGER machine_removed;${TRIGGERS}
    PRAGMA user_version = ${SCHEMA_VERSION};`,
] as const;

/**
 * Makes an open connection ready: write-ahead log, every commit durable, the tables there.
 *
 * @throws {SentinelError} `config.database` for another program's or a newer database.
 */
export function prepareDatabase(db: DatabaseSync, path: string): void {
  refuseForeign(db, path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  db.exec("BEGIN IMMEDIATE");
  try {
    refuseForeign(db, path);
    const upgrade = UPGRADES[readPragma(db, "user_version")];
    if (upgrade !== undefined) db.exec(upgrade);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function refuseForeign(db: DatabaseSync, path: string): void {
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (isEmpty) return;
  if (readPragma(db, "application_id") !== APPLICATION_ID) {
    throw databaseError(`${path} is not a license database`);
  }
  const version = readPragma(db, "user_version");
  if (version > SCHEMA_VERSION) {
    throw databaseError(
      `database ${path} is newer than this program: schema version is ${version}, expected at most ${SCHEMA_VERSION}`,
    );
  }
}

function readPragma(db: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function databaseError(message: string, cause?: unknown): SentinelError {
  return new SentinelError("config.database", message, { cause });
}

/** What `node:sqlite` puts behind SQLite's own message: the whole statement. */
const STATEMENT = / in [A-Z]+ .* at offset \d+$/;

/** What SQLite threw, as one line for the operator; `node:sqlite` tells its errors apart by message alone. */
export function explainDatabaseError(error: unknown, path: string): SentinelError {
  if (error instanceof SentinelError) return error;
  const reason = describeError(error).replace(STATEMENT, "");
  if (reason.includes("database is locked")) {
    return new SentinelError("config.database_locked", `database is locked: ${path}`, {
      cause: error,
    });
  }
  if (reason.includes("file is not a database")) {
    return databaseError(`${path} is not a license database`, error);
  }
  return databaseError(`cannot use database ${path}: ${reason}`, error);
}
