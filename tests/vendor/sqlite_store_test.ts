import { assertMode } from "../support/file_mode.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SentinelError } from "../../src/core/errors.ts";
import { parsePayload } from "../../src/license/payload.ts";
import { requestDecommission } from "../../src/vendor/administration.ts";
import { registerLicense } from "../../src/vendor/issue.ts";
import { prepareDatabase } from "../../src/vendor/sqlite_schema.ts";
import { openSqliteStore } from "../../src/vendor/sqlite_store.ts";
import type { Change, LicenseStore } from "../../src/vendor/store.ts";
import { resolve } from "../../src/core/paths.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { makeMachine } from "../support/test_machine.ts";
import { openStore, standardPayload, VendorDesk } from "../support/vendor_desk.ts";
import { POSIX, testWith } from "../support/requirements.ts";

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

Deno.test("decide() is answered after its commit, and all of one turn share it", async () => {
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

Deno.test("a decision that throws takes back its own writes and no others of its group", async () => {
  await using folder = await temporaryFolder();
  await using store = await openStore(folder.at("a.db"));
  await register(store, "K1");
  const bad: Change = { kind: "remember_nonce", uselessFromSeconds: 0.5, nowSeconds: 0 };
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
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  {
    using db = new DatabaseSync(desk.path);
    db.exec(`CREATE TRIGGER no_audit BEFORE INSERT ON audit
      BEGIN SELECT RAISE(ABORT, 'the audit is full'); END`);
  }
  await desk.restart();
  const before = desk.dump();
  const change = desk.store.decide(
    { licenseKey: "K1" },
    () => ({ outcome: 1, changes: [suspend] }),
  );
  await assertRejects(() => change, Error, "the audit is full");
  assertEquals(desk.dump(), before);
});

Deno.test("nothing of a group is answered as done when its commit fails", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  {
    using db = new DatabaseSync(desk.path);
    db.exec(`CREATE TABLE fault (id TEXT REFERENCES licenses DEFERRABLE INITIALLY DEFERRED);
      CREATE TRIGGER break_commit AFTER INSERT ON audit WHEN new.action = 'test'
      BEGIN INSERT INTO fault VALUES ('nobody'); END`);
  }
  await desk.restart();
  const before = desk.dump();
  const group = await Promise.allSettled([
    desk.store.decide({ licenseKey: "K1" }, () => ({ outcome: "refused", changes: [] })),
    desk.store.decide({ licenseKey: "K1" }, () => ({ outcome: "done", changes: [suspend] })),
  ]);
  assertEquals(group.map(({ status }) => status), ["rejected", "rejected"]);
  assertEquals(desk.dump(), before);
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

Deno.test("a store may be closed twice, commits what waits, and then refuses", async () => {
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

Deno.test("commits are durable: write-ahead log, flushed at every commit", async () => {
  await using folder = await temporaryFolder();
  using db = new DatabaseSync(folder.at("a.db"));
  prepareDatabase(db, folder.at("a.db"));
  const FULL = 2;
  assertEquals(db.prepare("PRAGMA journal_mode").get()?.["journal_mode"], "wal");
  assertEquals(db.prepare("PRAGMA synchronous").get()?.["synchronous"], FULL);
});

testWith([POSIX], "a new database can be read by its owner alone", async () => {
  await using folder = await temporaryFolder();
  await using _store = await openStore(folder.at("a.db"));
  await assertMode(folder.at("a.db"), 0o600);
});

Deno.test("machines that are removed by hand no longer count", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1");
  assertEquals((await desk.activate(await makeMachine())).status, 200);
  {
    using db = new DatabaseSync(desk.path);
    db.exec("DELETE FROM machines");
  }
  assertEquals((await desk.activate(await makeMachine())).status, 200);
});

/** What counted the machines in version 1 of the schema, which knew none that was lost. */
const TRIGGERS_1 = `
  DROP TRIGGER machine_added; DROP TRIGGER machine_moved; DROP TRIGGER machine_removed;
  CREATE TRIGGER machine_added AFTER INSERT ON machines WHEN new.status <> 'DECOMMISSIONED' BEGIN
    UPDATE licenses SET active_machines = active_machines + 1 WHERE license_key = new.license_key;
  END;
  CREATE TRIGGER machine_moved AFTER UPDATE OF status ON machines BEGIN
    UPDATE licenses SET active_machines = active_machines
      - (old.status <> 'DECOMMISSIONED') + (new.status <> 'DECOMMISSIONED')
      WHERE license_key = new.license_key;
  END;
  CREATE TRIGGER machine_removed AFTER DELETE ON machines WHEN old.status <> 'DECOMMISSIONED' BEGIN
    UPDATE licenses SET active_machines = active_machines - 1 WHERE license_key = old.license_key;
  END;
  PRAGMA user_version = 1`;

Deno.test("a database of version 1 keeps what it holds, and counts no machine that is lost from then on", async () => {
  await using desk = await VendorDesk.open();
  await desk.register("K1", { max_machines: 2 });
  const machine = await makeMachine();
  await desk.activate(machine);
  {
    using db = new DatabaseSync(desk.path);
    db.exec(TRIGGERS_1);
  }
  await using store = await openStore(desk.path);
  const machines = async () => (await store.read({ licenseKey: "K1" })).license?.activeMachines;
  assertEquals(await machines(), 1);
  const request = { licenseKey: "K1", machineId: machine.id, isLost: true };
  await requestDecommission(store, request, { atMs: 0, actor: "test" });
  assertEquals(await machines(), 0);
  using db = new DatabaseSync(desk.path, { readOnly: true });
  assertEquals(db.prepare("PRAGMA user_version").get(), { user_version: 2 });
});

interface OpenCase {
  readonly name: string;
  readonly prepare: (path: string) => void | Promise<void>;
  readonly message: (path: string) => string;
}

const OPEN_CASES: readonly OpenCase[] = [
  {
    name: "a file that is no database",
    prepare: (path) => Deno.writeTextFile(path, "no database\n".repeat(200)),
    message: (path) => `${path} is not a license database`,
  },
  {
    name: "another program's database",
    prepare(path) {
      using db = new DatabaseSync(path);
      db.exec("CREATE TABLE songs (name TEXT)");
    },
    message: (path) => `${path} is not a license database`,
  },
  {
    name: "a newer schema",
    async prepare(path) {
      await (await openStore(path))[Symbol.asyncDispose]();
      using db = new DatabaseSync(path);
      db.exec("PRAGMA user_version = 3");
    },
    message: (path) =>
      `database ${path} is newer than this program: schema version is 3, expected at most 2`,
  },
  {
    name: "a database of ours that was half made by hand",
    prepare(path) {
      using db = new DatabaseSync(path);
      db.exec("CREATE TABLE nonces (nonce TEXT); PRAGMA application_id = 0x534e544c");
      db.exec("PRAGMA journal_mode = WAL");
    },
    message: (path) => `cannot use database ${path}: table nonces already exists`,
  },
  {
    name: "a folder",
    prepare: (path) => Deno.mkdir(path),
    message: (path) => `${path} is a folder`,
  },
];

for (const { name, prepare, message } of OPEN_CASES) {
  Deno.test(`openSqliteStore() refuses ${name} and leaves it as it is`, async () => {
    await using folder = await temporaryFolder();
    const path = resolve(folder.at("a.db"));
    await prepare(path);
    const read = () => Deno.readFile(path).catch(() => undefined);
    const before = await read();
    const error = await assertRejects(() => openStore(path), SentinelError);
    assertEquals([error.code, error.message], ["config.database", message(path)]);
    assertEquals(await read(), before);
  });
}

Deno.test(
  "openSqliteStore() refuses a missing folder, and a missing file that it may not make",
  async () => {
    await using folder = await temporaryFolder();
    const [inside, missing] = ["none/a.db", "a.db"].map((name) => resolve(folder.at(name))) as [
      string,
      string,
    ];
    const first = await assertRejects(() => openStore(inside), SentinelError);
    assertEquals(first.message, `folder of the database not found: ${inside}`);
    const options = { create: false, busyTimeoutMs: 50, schedule: queueMicrotask };
    const second = await assertRejects(() => openSqliteStore(missing, options), SentinelError);
    assertEquals(second.message, `database not found: ${missing}`);
  },
);

testWith(
  [POSIX],
  "openSqliteStore() says what the system says where it cannot make the file",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("file"), "");
    for (const path of [folder.at("file/a.db"), folder.at("a".repeat(300))]) {
      const error = await assertRejects(() => openStore(path), SentinelError);
      assertEquals(error.code, "config.database");
      assertStringIncludes(error.message, `cannot use database ${path}: `);
    }
  },
);

Deno.test("two that make the same database at once both have it", async () => {
  await using folder = await temporaryFolder();
  const path = resolve(folder.at("a.db"));
  const [one, other] = await Promise.all([openStore(path), openStore(path)]);
  await register(one, "K1");
  assertEquals(await statusOf(other, "K1"), "ACTIVE");
  for (const store of [one, other]) await store[Symbol.asyncDispose]();
});

Deno.test("a database that loses its tables is an error of every call, and none of ours", async () => {
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
