import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { LicenseRecord, MachineRecord } from "./records.ts";
import type { Scope, StoredRecords } from "./store.ts";
import { describeError, SentinelError } from "../core/errors.ts";

type Row = Record<string, SQLOutputValue>;

/** Reads records over one connection with prepared statements. */
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

  readRecords({ licenseKey, machineId, nonce }: Scope): StoredRecords {
    const license = this.#license.get(licenseKey);
    const machine = machineId === undefined ? undefined : this.#machine.get(licenseKey, machineId);
    return {
      license: license && parseLicenseRow(license),
      machine: machine && parseMachineRow(machine),
      isNonceUsed: nonce !== undefined && this.#nonce.get(nonce) !== undefined,
    };
  }

  readLicenses(): LicenseRecord[] {
    return this.#licenses.all().map(parseLicenseRow);
  }

  readMachines(licenseKey: string): MachineRecord[] {
    return this.#machines.all(licenseKey).map(parseMachineRow);
  }
}

function parseLicenseRow(row: Row): LicenseRecord {
  return {
    licenseKey: String(row["license_key"]),
    orgId: String(row["org_id"]),
    softwareId: String(row["software_id"]),
    licenseType: row["license_type"] as LicenseRecord["licenseType"],
    issueDate: String(row["issue_date"]),
    expiryDate: String(row["expiry_date"]),
    maxMachines: Number(row["max_machines"]),
    featuresJson: String(row["features"]),
    heartbeatIntervalMinutes: parseOptionalNumber(row["heartbeat_interval_minutes"]),
    heartbeatGracePeriodDays: parseOptionalNumber(row["heartbeat_grace_period_days"]),
    status: row["status"] as LicenseRecord["status"],
    activeMachines: Number(row["active_machines"]),
    registeredAtMs: Number(row["registered_at"]),
    allowsRelease: row["allow_release"] === 1,
    isClosed: row["closed"] === 1,
    activationDay: Number(row["activation_day"]),
    dayActivations: Number(row["day_activations"]),
  };
}

function parseMachineRow(row: Row): MachineRecord {
  return {
    licenseKey: String(row["license_key"]),
    machineId: String(row["machine_id"]),
    publicKeyPem: String(row["public_key_pem"]),
    platform: String(row["platform"]),
    softwareVersion: String(row["software_version"]),
    status: row["status"] as MachineRecord["status"],
    activatedAtMs: Number(row["activated_at"]),
    lastSeenAtMs: Number(row["last_seen_at"]),
    name: parseOptionalText(row["name"]),
    chainJson: parseOptionalText(row["chain"]),
    copiesSeenAtMs: parseOptionalNumber(row["copies_seen_at"]),
    address: parseOptionalText(row["address"]),
  };
}

function parseOptionalText(value: SQLOutputValue | undefined): string | undefined {
  return value === null || value === undefined ? undefined : String(value);
}

function parseOptionalNumber(value: SQLOutputValue | undefined): number | undefined {
  return value === null || value === undefined ? undefined : Number(value);
}

/** `PRAGMA application_id` of a license database: "SNTL" in ASCII. */
const APPLICATION_ID = 0x534e544c;

/** `PRAGMA user_version` that this program writes. */
const SCHEMA_VERSION = 5;

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
  registered_at INTEGER NOT NULL,
  allow_release INTEGER NOT NULL DEFAULT 1,
  closed INTEGER NOT NULL DEFAULT 0,
  activation_day INTEGER NOT NULL DEFAULT 0,
  day_activations INTEGER NOT NULL DEFAULT 0
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
  name TEXT,
  chain TEXT,
  copies_seen_at INTEGER,
  address TEXT,
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

/** Statuses of machines that do not count. */
const UNCOUNTED = "('LOST', 'DECOMMISSIONED', 'RELEASED', 'BLOCKED')";

/** Triggers keep the count of machines, so that the limit's check costs the same for any number. */
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

const DROP_TRIGGERS =
  "DROP TRIGGER machine_added; DROP TRIGGER machine_moved; DROP TRIGGER machine_removed;";

/** Upgrade from version 4, which has no BLOCKED machines, closed licenses, counted activations and addresses. */
const UPGRADE_4 = `${DROP_TRIGGERS}
  ALTER TABLE licenses ADD COLUMN closed INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE licenses ADD COLUMN activation_day INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE licenses ADD COLUMN day_activations INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE machines ADD COLUMN address TEXT;${TRIGGERS}PRAGMA user_version = ${SCHEMA_VERSION};`;

/** Upgrade from version 3, which does not see copies of a machine's state. */
const UPGRADE_3 = `ALTER TABLE machines ADD COLUMN chain TEXT;
  ALTER TABLE machines ADD COLUMN copies_seen_at INTEGER;${UPGRADE_4}`;

/** Upgrade from version 1, which has no LOST machines, and 2, which has no RELEASED ones, names and permissions to release. */
const UPGRADE_1 = `${DROP_TRIGGERS}
  ALTER TABLE licenses ADD COLUMN allow_release INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE machines ADD COLUMN name TEXT;${TRIGGERS}${UPGRADE_3}`;

/** Upgrades from each earlier version; 0 is an empty database. */
const UPGRADES = [
  `${TABLES}${TRIGGERS}PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION};`,
  UPGRADE_1,
  UPGRADE_1,
  UPGRADE_3,
  UPGRADE_4,
] as const;

/**
 * Prepares a connection: write-ahead log, durable commits, current tables.
 *
 * @throws {SentinelError} `config.database` Another program's database, or a newer one.
 */
export function prepareDatabase(db: DatabaseSync, path: string): void {
  refuseForeignDatabase(db, path);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
  db.exec("BEGIN IMMEDIATE");
  try {
    refuseForeignDatabase(db, path);
    const upgrade = UPGRADES[readPragma(db, "user_version")];
    if (upgrade !== undefined) db.exec(upgrade);
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function refuseForeignDatabase(db: DatabaseSync, path: string): void {
  const isEmpty = db.prepare("SELECT 1 FROM sqlite_schema").get() === undefined;
  if (isEmpty) return;
  if (readPragma(db, "application_id") !== APPLICATION_ID) {
    throw makeDatabaseError(`${path} is not a license database`);
  }
  const version = readPragma(db, "user_version");
  if (version > SCHEMA_VERSION) {
    throw makeDatabaseError(
      `database ${path} is newer than this program: schema version is ${version}, expected at most ${SCHEMA_VERSION}`,
    );
  }
}

function readPragma(db: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function makeDatabaseError(message: string, cause?: unknown): SentinelError {
  return new SentinelError("config.database", message, { cause });
}

/** The statement that `node:sqlite` appends to SQLite's message. */
const STATEMENT = / in [A-Z]+ .* at offset \d+$/;

/** Explains an error of SQLite in one line; `node:sqlite` distinguishes errors by message only. */
export function explainDatabaseError(error: unknown, path: string): SentinelError {
  if (error instanceof SentinelError) return error;
  const reason = describeError(error).replace(STATEMENT, "");
  if (reason.includes("database is locked")) {
    return new SentinelError("config.database_locked", `database is locked: ${path}`, {
      cause: error,
    });
  }
  if (reason.includes("file is not a database")) {
    return makeDatabaseError(`${path} is not a license database`, error);
  }
  return makeDatabaseError(`cannot use database ${path}: ${reason}`, error);
}
