import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { License } from "../license/payload.ts";
import type { MachineRecord } from "./records.ts";
import type { Audit, Change, Scope } from "./store.ts";

/** Useless nonces removed with each one that is remembered: more than one, so that the table shrinks back. */
const PRUNED_PER_NONCE = 4;

/** Writes changes over one connection, inside the caller's transaction; its statements are prepared once. */
export class RowWriter {
  readonly #insertLicense: StatementSync;
  readonly #setLicenseStatus: StatementSync;
  readonly #putMachine: StatementSync;
  readonly #setMachineStatus: StatementSync;
  readonly #noteHeartbeat: StatementSync;
  readonly #insertNonce: StatementSync;
  readonly #pruneNonces: StatementSync;
  readonly #insertAudit: StatementSync;

  /** @param db Stays the caller's. */
  constructor(db: DatabaseSync) {
    this.#insertLicense = db.prepare(
      "INSERT INTO licenses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'ACTIVE', 0, ?)",
    );
    this.#setLicenseStatus = db.prepare("UPDATE licenses SET status = ? WHERE license_key = ?");
    this.#putMachine = db.prepare(
      `INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO UPDATE SET platform = excluded.platform, status = excluded.status,
        software_version = excluded.software_version, last_seen_at = excluded.last_seen_at`,
    );
    this.#setMachineStatus = db.prepare(
      "UPDATE machines SET status = ? WHERE license_key = ? AND machine_id = ?",
    );
    this.#noteHeartbeat = db.prepare(
      `UPDATE machines SET last_seen_at = ?, software_version = ?
        WHERE license_key = ? AND machine_id = ?`,
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
        this.#registerLicense(change.license, change.audit);
        break;
      case "set_license_status":
        this.#setLicenseStatus.run(change.status, scope.licenseKey);
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
          scope.licenseKey,
          machineId,
        );
        break;
      case "remember_nonce":
        this.#pruneNonces.run(change.nowSeconds);
        this.#insertNonce.run(scope.nonce ?? null, change.uselessFromSeconds);
        break;
    }
    if ("audit" in change) {
      const { atMs, action, actor } = change.audit;
      this.#insertAudit.run(atMs, action, scope.licenseKey, machineId, actor);
    }
  }

  #registerLicense(license: License, { atMs }: Audit): void {
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
    );
  }
}
