import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { LicenseRecord, MachineRecord } from "./records.ts";
import type { Change, Decision, LicenseStore, Scope, StoredRecords } from "./store.ts";
import { resolve } from "@std/path";
import { SentinelError } from "../core/errors.ts";
import { explainDatabaseError, prepareDatabase, RowReader } from "./sqlite_schema.ts";

/** Expired nonces deleted per stored one; more than one, so that the table shrinks. */
const PRUNED_PER_NONCE = 4;

/** Writes changes with prepared statements, inside the caller's transaction. */
class RowWriter {
  readonly #insertLicense: StatementSync;
  readonly #setLicenseStatus: StatementSync;
  readonly #setLicenseClosed: StatementSync;
  readonly #countActivation: StatementSync;
  readonly #putMachine: StatementSync;
  readonly #setMachineStatus: StatementSync;
  readonly #noteHeartbeat: StatementSync;
  readonly #noteCopies: StatementSync;
  readonly #insertNonce: StatementSync;
  readonly #pruneNonces: StatementSync;
  readonly #insertAudit: StatementSync;

  /** @param db Stays the caller's. */
  constructor(db: DatabaseSync) {
    this.#insertLicense = db.prepare(
      "INSERT INTO licenses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'ACTIVE', 0, ?, ?, 0, 0, 0)",
    );
    this.#setLicenseStatus = db.prepare("UPDATE licenses SET status = ? WHERE license_key = ?");
    this.#setLicenseClosed = db.prepare("UPDATE licenses SET closed = ? WHERE license_key = ?");
    this.#countActivation = db.prepare(
      "UPDATE licenses SET activation_day = ?, day_activations = ? WHERE license_key = ?",
    );
    this.#putMachine = db.prepare(
      `INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET platform = excluded.platform, status = excluded.status,
        software_version = excluded.software_version, activated_at = excluded.activated_at,
        last_seen_at = excluded.last_seen_at, name = excluded.name, chain = excluded.chain,
        address = excluded.address`,
    );
    this.#setMachineStatus = db.prepare(
      "UPDATE machines SET status = ? WHERE license_key = ? AND machine_id = ?",
    );
    this.#noteHeartbeat = db.prepare(
      `UPDATE machines SET last_seen_at = ?, software_version = ?, chain = ?, address = ?
        WHERE license_key = ? AND machine_id = ?`,
    );
    this.#noteCopies = db.prepare(
      "UPDATE machines SET copies_seen_at = ? WHERE license_key = ? AND machine_id = ?",
    );
    this.#insertNonce = db.prepare("INSERT INTO nonces VALUES (?, ?)");
    this.#pruneNonces = db.prepare(
      `DELETE FROM nonces WHERE nonce IN (SELECT nonce FROM nonces WHERE useless_from <= ?
        ORDER BY useless_from LIMIT ${PRUNED_PER_NONCE})`,
    );
    this.#insertAudit = db.prepare(
      "INSERT INTO audit (at, action, license_key, machine_id, actor) VALUES (?, ?, ?, ?, ?)",
    );
  }

  write(scope: Scope, change: Change): void {
    const machineId = scope.machineId ?? null;
    switch (change.kind) {
      case "register_license":
        this.#registerLicense(change);
        break;
      case "set_license_status":
        this.#setLicenseStatus.run(change.status, scope.licenseKey);
        break;
      case "set_license_closed":
        this.#setLicenseClosed.run(change.isClosed ? 1 : 0, scope.licenseKey);
        break;
      case "count_activation":
        this.#countActivation.run(change.day, change.count, scope.licenseKey);
        break;
      case "put_machine":
        this.#insertMachine(change.machine);
        break;
      case "set_machine_status":
        this.#setMachineStatus.run(change.status, scope.licenseKey, machineId);
        break;
      case "note_heartbeat":
        this.#noteHeartbeat.run(
          change.atMs,
          change.softwareVersion,
          change.chainJson ?? null,
          change.address,
          scope.licenseKey,
          machineId,
        );
        break;
      case "note_copies":
        this.#noteCopies.run(change.atMs, scope.licenseKey, machineId);
        break;
      case "remember_nonce":
        this.#pruneNonces.run(change.nowSeconds);
        this.#insertNonce.run(scope.nonce ?? null, change.expiresAtSeconds);
        break;
    }
    if ("audit" in change && change.audit !== undefined) {
      const { atMs, action, actor } = change.audit;
      this.#insertAudit.run(atMs, action, scope.licenseKey, machineId, actor);
    }
  }

  #registerLicense(
    { license, allowsRelease, audit: { atMs } }: Change & { kind: "register_license" },
  ): void {
    const isStandard = license.license_type === "STANDARD";
    this.#insertLicense.run(
      license.license_key,
      license.org_id,
      license.software_id,
      license.license_type,
      license.issue_date,
      license.expiry_date,
      license.max_machines,
      JSON.stringify(license.features),
      isStandard ? license.heartbeat_interval_minutes : null,
      isStandard ? license.heartbeat_grace_period_days : null,
      atMs,
      allowsRelease ? 1 : 0,
    );
  }

  #insertMachine(machine: MachineRecord): void {
    this.#putMachine.run(
      machine.licenseKey,
      machine.machineId,
      machine.publicKeyPem,
      machine.platform,
      machine.softwareVersion,
      machine.status,
      machine.activatedAtMs,
      machine.lastSeenAtMs,
      machine.name ?? null,
      machine.chainJson ?? null,
      machine.copiesSeenAtMs ?? null,
      machine.address ?? null,
    );
  }
}

interface SqliteStoreOptions {
  /** Whether a missing file is created (0600) or an error. */
  readonly create: boolean;
  /** Limit of the wait for another process's transaction; the wait blocks this process. */
  readonly busyTimeoutMs: number;
  /** Calls back in a later turn of the event loop; decisions until then share one commit. */
  readonly schedule: (flush: () => void) => void;
}

/** A decision that waits for the next commit. */
interface PendingDecision {
  /** Runs inside the transaction; returns the callback for after the commit. */
  run(): () => void;
  reject(error: unknown): void;
}

/**
 * Opens a license database.
 *
 * Group commit: the decisions of one turn of the event loop share one durable transaction and resolve after it, so that
 * disk flushes do not limit requests per second.
 *
 * @throws {SentinelError} `config.database…` One line for the operator.
 */
export async function openSqliteStore(
  file: string,
  options: SqliteStoreOptions,
): Promise<LicenseStore> {
  const path = resolve(file);
  await ensureFile(path, options.create);
  const connections: DatabaseSync[] = [];
  try {
    const writer = new DatabaseSync(path, { timeout: options.busyTimeoutMs });
    connections.push(writer);
    prepareDatabase(writer, path);
    const reader = new DatabaseSync(path, { timeout: options.busyTimeoutMs, readOnly: true });
    connections.push(reader);
    return new SqliteStore(path, { writer, reader, schedule: options.schedule });
  } catch (error) {
    for (const connection of connections) connection.close();
    throw explainDatabaseError(error, path);
  }
}

/** Creates the file: SQLite would make it world-readable, and its errors do not name a missing path. */
async function ensureFile(path: string, create: boolean): Promise<void> {
  try {
    const info = await Deno.stat(path);
    if (info.isDirectory) throw new SentinelError("config.database", `${path} is a directory`);
    return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw explainDatabaseError(error, path);
  }
  if (!create) throw new SentinelError("config.database", `database not found: ${path}`);
  try {
    (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    if (error instanceof Deno.errors.NotFound) {
      throw new SentinelError("config.database", `directory of the database not found: ${path}`, {
        cause: error,
      });
    }
    throw explainDatabaseError(error, path);
  }
}

class SqliteStore implements LicenseStore {
  readonly #path: string;
  readonly #writer: DatabaseSync;
  readonly #reader: DatabaseSync;
  readonly #schedule: (flush: () => void) => void;
  readonly #committed: RowReader;
  readonly #current: RowReader;
  readonly #rows: RowWriter;
  readonly #steps: Readonly<Record<"begin" | "savepoint" | "release" | "commit", StatementSync>>;
  #pending: PendingDecision[] = [];
  #isClosed = false;

  constructor(
    path: string,
    { writer, reader, schedule }: {
      writer: DatabaseSync;
      reader: DatabaseSync;
      schedule: SqliteStoreOptions["schedule"];
    },
  ) {
    this.#path = path;
    this.#writer = writer;
    this.#reader = reader;
    this.#schedule = schedule;
    this.#committed = new RowReader(reader);
    this.#current = new RowReader(writer);
    this.#rows = new RowWriter(writer);
    this.#steps = {
      begin: writer.prepare("BEGIN IMMEDIATE"),
      savepoint: writer.prepare("SAVEPOINT decision"),
      release: writer.prepare("RELEASE decision"),
      commit: writer.prepare("COMMIT"),
    };
  }

  read(scope: Scope): Promise<StoredRecords> {
    return this.#attempt(() => this.#committed.readRecords(scope));
  }

  listLicenses(): Promise<LicenseRecord[]> {
    return this.#attempt(() => this.#committed.readLicenses());
  }

  listMachines(licenseKey: string): Promise<MachineRecord[]> {
    return this.#attempt(() => this.#committed.readMachines(licenseKey));
  }

  decide<T>(scope: Scope, decide: (records: StoredRecords) => Decision<T>): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#makeClosedError());
    return new Promise<T>((resolve, reject) => {
      const run = () => {
        const records = this.#explain(() => this.#current.readRecords(scope));
        const { outcome, changes } = decide(records);
        this.#explain(() => changes.forEach((change) => this.#rows.write(scope, change)));
        return () => resolve(outcome);
      };
      if (this.#pending.push({ run, reject }) === 1) this.#schedule(() => this.#flush());
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#isClosed) {
      this.#flush();
      this.#isClosed = true;
      this.#reader.close();
      this.#writer.close();
    }
    return Promise.resolve();
  }

  /** Runs all pending decisions in one transaction, and resolves them after the commit. */
  #flush(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    try {
      this.#steps.begin.run();
      const answers = pending.map((decision) => this.#runInSavepoint(decision));
      this.#steps.commit.run();
      for (const answer of answers) answer();
    } catch (error) {
      if (this.#writer.isTransaction) this.#writer.exec("ROLLBACK");
      for (const { reject } of pending) reject(explainDatabaseError(error, this.#path));
    }
  }

  /** Runs a decision in a savepoint, so that a failed one rolls back its own writes only. */
  #runInSavepoint(decision: PendingDecision): () => void {
    this.#steps.savepoint.run();
    try {
      const answer = decision.run();
      this.#steps.release.run();
      return answer;
    } catch (error) {
      this.#writer.exec("ROLLBACK TO decision; RELEASE decision");
      return () => decision.reject(error);
    }
  }

  #attempt<T>(work: () => T): Promise<T> {
    if (this.#isClosed) return Promise.reject(this.#makeClosedError());
    try {
      return Promise.resolve(this.#explain(work));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #explain<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw explainDatabaseError(error, this.#path);
    }
  }

  #makeClosedError(): SentinelError {
    return new SentinelError("database.closed", `database is closed: ${this.#path}`);
  }
}
