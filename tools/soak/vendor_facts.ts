import { DatabaseSync } from "node:sqlite";
import { hourOf } from "./told_time.ts";

/** An activation or heartbeat as the vendor's server committed it, whether or not its answer arrived. */
export interface Beat {
  readonly licenseKey: string;
  /** Of told time. */
  readonly hour: number;
  /** What the vendor had decided about the license by then. */
  readonly status: string;
}

/** The database itself records each activation and heartbeat, in the server's transaction. */
const NOTES = `
CREATE TABLE soak_beats (license_key TEXT, told_ms INTEGER, real_ms INTEGER, status TEXT);
CREATE TRIGGER soak_notes AFTER UPDATE OF last_seen_at ON machines BEGIN
  INSERT INTO soak_beats SELECT new.license_key, new.last_seen_at,
    CAST(unixepoch('subsec') * 1000 AS INTEGER), status
  FROM licenses WHERE license_key = new.license_key;
END;
CREATE TRIGGER soak_activations AFTER INSERT ON machines BEGIN
  INSERT INTO soak_beats SELECT new.license_key, new.last_seen_at,
    CAST(unixepoch('subsec') * 1000 AS INTEGER), status
  FROM licenses WHERE license_key = new.license_key;
END;
`;

/** Forgets a license's machines, as a restored database does. */
export function loseMachines(database: string, licenseKey: string): void {
  using db = new DatabaseSync(database);
  db.prepare("DELETE FROM machines WHERE license_key = ?").run(licenseKey);
}

/** The machines that have a place on a license. */
export function countMachines(database: string, licenseKey: string): number {
  using db = new DatabaseSync(database, { readOnly: true });
  const sql = "SELECT count(*) AS n FROM machines WHERE license_key = ? AND status = 'ACTIVE'";
  return Number(db.prepare(sql).get(licenseKey)!["n"]);
}

/** Starts recording heartbeats. */
export function noteBeats(database: string): void {
  using db = new DatabaseSync(database);
  db.exec(NOTES);
}

/** All recorded heartbeats, oldest first. */
export function readBeats(database: string): Beat[] {
  using db = new DatabaseSync(database, { readOnly: true });
  return db.prepare("SELECT * FROM soak_beats ORDER BY rowid").all().map((row) => ({
    licenseKey: String(row["license_key"]),
    hour: hourOf({ toldMs: Number(row["told_ms"]), realMs: Number(row["real_ms"]) }),
    status: String(row["status"]),
  }));
}
