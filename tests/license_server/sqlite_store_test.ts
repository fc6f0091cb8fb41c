import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SentinelError } from "../../src/core/errors.ts";
import { parsePayload } from "../../src/license/payload.ts";
import { registerLicense } from "../../src/license_server/issue.ts";
import { openSqliteStore } from "../../src/license_server/sqlite_store.ts";
import type { Change, LicenseStore } from "../../src/license_server/store.ts";
import { resolve } from "../../src/core/paths.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { makeMachine } from "../support/test_machine.ts";
import {
  LicenseServerFixture,
  openStore,
  standardPayload,
} from "../support/license_server_fixture.ts";

const audit = { action: "test", atMs: 1, actor: "test" };
const suspend: Change = { kind: "set_license_status", status: "SUSPENDED", audit };

function register(store: LicenseStore, key: string): Promise<void> {
  return registerLicense(store, parsePayload(standardPayload(key)), { atMs: 5, actor: "test" });
}

async function statusOf(store: LicenseStore, licenseKey: string): Promise<string | undefined> {
  return (await store.read({ licenseKey })).license?.status;
}

/** A store whose commits wait until the test asks for them. */
async function openByHand(path: string): Promise<{ store: LicenseStore; flush: () => void }> {
  let flush = () => {};
  const store = await openSqliteStore(path, {
    create: true,
    busyTimeoutMs: 50,
    schedule: (run) => void (flush = run),
  });
  return { store, flush: () => flush() };
}

Deno.test("decide() resolves after its commit, which all decisions of one turn share", async () => {
  await using folder = await temporaryFolder();
  const { store, flush } = await openByHand(folder.at("a.db"));
  await using _closed = store;
  const answered: string[] = [];
  const first = register(store, "K1").then(() => answered.push("K1"));
  const second = register(store, "K2").then(() => answered.push("K2"));
  await Promise.resolve();
  assertEquals(answered, []);
  assertEquals(await store.listLicenses(), []);
  flush();
  await Promise.all([first, second]);
  assertEquals(answered, ["K1", "K2"]);
  assertEquals((await store.listLicenses()).map(({ licenseKey }) => licenseKey), ["K1", "K2"]);
});

Deno.test("a decision that throws rolls back only its own writes", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStore(folder.at("a.db"));
  await register(store, "K1");
  const bad: Change = { kind: "remember_nonce", expiresAtSeconds: 0.5, nowSeconds: 0 };
  const [good, broken] = await Promise.allSettled([
    register(store, "K2"),
    store.decide(
      { licenseKey: "K1", nonce: "n" },
      () => ({ outcome: 1, changes: [suspend, bad] }),
    ),
  ]);
  assertEquals([good.status, broken.status], ["fulfilled", "rejected"]);
  assertEquals(await statusOf(store, "K1"), "ACTIVE");
  assertEquals(await statusOf(store, "K2"), "ACTIVE");
});

Deno.test("a state change and its audit row are written together or not at all", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(`CREATE TRIGGER no_audit BEFORE INSERT ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit is full'); END`);
  }
  await fixture.restart();
  const before = fixture.dump();
  const change = fixture.store.decide(
    { licenseKey: "K1" },
    () => ({ outcome: 1, changes: [suspend] }),
  );
  await assertRejects(() => change, Error, "the audit is full");
  assertEquals(fixture.dump(), before);
});

Deno.test("if a commit fails, its whole group fails, and the next one is committed", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(`CREATE TABLE fault (id TEXT REFERENCES licenses DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER break_commit AFTER INSERT ON audit WHEN new.action = 'test'
      BEGIN INSERT INTO fault VALUES ('nobody'); END`);
  }
  await fixture.restart();
  const before = fixture.dump();
  const group = await Promise.allSettled([
    fixture.store.decide({ licenseKey: "K1" }, () => ({ outcome: "refused", changes: [] })),
    fixture.store.decide({ licenseKey: "K1" }, () => ({ outcome: "done", changes: [suspend] })),
  ]);
  assertEquals(group.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(fixture.dump(), before);
  await fixture.register("K2");
  assertEquals(await statusOf(fixture.store, "K2"), "ACTIVE");
});

Deno.test("decide() says that the database is locked, and works again once it is not", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStore(folder.at("a.db"));
  using other = new DatabaseSync(folder.at("a.db"));
  other.exec("BEGIN IMMEDIATE");
  const error = await assertRejects(() => register(store, "K1"), SentinelError, "locked");
  assertEquals(error.code, "config.database_locked");
  other.exec("ROLLBACK");
  await register(store, "K1");
  assertEquals(await statusOf(store, "K1"), "ACTIVE");
});

Deno.test("a store can be closed twice, commits what is pending, and then refuses", async () => {
  await using folder = await temporaryFolder();
  const { store } = await openByHand(folder.at("a.db"));
  const waiting = register(store, "K1");
  await store[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  await waiting;
  await assertRejects(() => store.read({ licenseKey: "K1" }), SentinelError, "is closed");
  await assertRejects(() => register(store, "K2"), SentinelError, "is closed");
  await using again = await openStore(folder.at("a.db"));
  assertEquals(await statusOf(again, "K1"), "ACTIVE");
});

Deno.test("licenses are listed by key, and a license's machines in order of activation", async () => {
  await using fixture = await LicenseServerFixture.open();
  for (const key of ["K2", "K1"]) await fixture.register(key, { max_machines: 3 });
  const ids = ["f", "a", "5"].map((digit) => crypto.randomUUID().replace(/^./, digit));
  for (const id of ids) {
    await fixture.activate(await makeMachine(id));
    fixture.clock.skip(1_000);
  }
  const licenses = await fixture.store.listLicenses();
  assertEquals(licenses.map(({ licenseKey }) => licenseKey), ["K1", "K2"]);
  const machines = await fixture.store.listMachines("K1");
  assertEquals(machines.map(({ machineId }) => machineId), ids);
  assertEquals(await fixture.store.listMachines("K2"), []);
});

Deno.test("manually removed machines no longer count", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  assertEquals((await fixture.activate(await makeMachine())).status, 200);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec("DELETE FROM machines");
  }
  assertEquals((await fixture.activate(await makeMachine())).status, 200);
});

Deno.test("two concurrent creations of the same database both succeed", async () => {
  await using folder = await temporaryFolder();
  const path = resolve(folder.at("a.db"));
  const stores = await Promise.all([openStore(path), openStore(path)]);
  await using one = stores[0], other = stores[1];
  await register(one, "K1");
  assertEquals(await statusOf(other, "K1"), "ACTIVE");
});

Deno.test("a database that loses its tables is an error of every call, but not an internal one", async () => {
  await using folder = await temporaryFolder();
  const path = resolve(folder.at("a.db"));
  await using store = await openStore(path);
  {
    using db = new DatabaseSync(path);
    db.exec("DROP TABLE machines; DROP TABLE licenses");
  }
  const calls = [
    () => store.read({ licenseKey: "K1" }),
    () => store.listLicenses(),
    () => store.listMachines("K1"),
    () => register(store, "K1"),
  ];
  for (const call of calls) {
    const error = await assertRejects(call, SentinelError);
    assertStringIncludes(error.message, `cannot use database ${path}: no such table`);
  }
});
