import { DatabaseSync } from "node:sqlite";
import { registerLicense } from "../../src/license_server/issue.ts";
import { openSqliteStore } from "../../src/license_server/sqlite_store.ts";
import { parsePayload } from "../../src/license/payload.ts";
import { makeMachine, type TestMachine } from "../../tests/support/test_machine.ts";

/** Makes a database with one license, `K1`, and `size` machines, the given ones spread evenly among them. */
export async function makePopulation(
  path: string,
  { size, machines }: { size: number; machines: readonly TestMachine[] },
): Promise<void> {
  const store = await openSqliteStore(path, {
    create: true,
    busyTimeoutMs: 1000,
    schedule: queueMicrotask,
  });
  const license = parsePayload({
    v: 1,
    license_key: "K1",
    org_id: "bench",
    software_id: "bench",
    license_type: "STANDARD",
    issue_date: "2020-01-01",
    expiry_date: "2099-12-31",
    max_machines: 1_000_000,
    features: {},
    heartbeat_interval_minutes: 60,
    heartbeat_grace_period_days: 7,
  });
  await registerLicense(store, license, { atMs: 0, actor: "bench" });
  await store[Symbol.asyncDispose]();
  using db = new DatabaseSync(path);
  db.exec("BEGIN");
  const insert = db.prepare(
    "INSERT INTO machines (license_key, machine_id, public_key_pem, platform, software_version, status, activated_at, " +
      "last_seen_at) VALUES ('K1', ?, ?, 'LINUX_AMD64', '1.0', 'ACTIVE', 0, 0)",
  );
  for (const { id, publicKeyPem } of machines) insert.run(id, publicKeyPem);
  const filler = machines[0]!.publicKeyPem;
  for (let i = machines.length; i < size; i++) insert.run(crypto.randomUUID(), filler);
  db.exec("COMMIT");
}

export function makeMachines(count: number): Promise<TestMachine[]> {
  return Promise.all(Array.from({ length: count }, () => makeMachine()));
}
