import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { SentinelError } from "../../src/core/errors.ts";
import { resolve } from "../../src/core/paths.ts";
import { requestDecommission } from "../../src/license_server/administration.ts";
import { blockMachine } from "../../src/license_server/seats.ts";
import { prepareDatabase } from "../../src/license_server/sqlite_schema.ts";
import { openSqliteStore } from "../../src/license_server/sqlite_store.ts";
import { assertMode } from "../support/file_mode.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { makeMachine } from "../support/test_machine.ts";
import {
  CLIENT_ADDRESS,
  LicenseServerFixture,
  openStore,
} from "../support/license_server_fixture.ts";

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

/** Removes what version 5 added. */
const COLUMNS_5 =
  ["closed", "activation_day", "day_activations"].map((column) =>
    `ALTER TABLE licenses DROP COLUMN ${column};`
  ).join("") + "ALTER TABLE machines DROP COLUMN address;";

/** Removes what versions 4 and 5 added. */
const COLUMNS_4 = COLUMNS_5 +
  "ALTER TABLE machines DROP COLUMN chain; ALTER TABLE machines DROP COLUMN copies_seen_at;";

/** Removes what version 3 and later ones added. */
const COLUMNS_3 = COLUMNS_4 +
  "ALTER TABLE licenses DROP COLUMN allow_release; ALTER TABLE machines DROP COLUMN name;";

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
  ${COLUMNS_3} PRAGMA user_version = 1`;

Deno.test("a database of version 1 keeps its content, and no longer counts lost machines", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1", { max_machines: 2 });
  const machine = await makeMachine();
  await fixture.activate(machine);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(TRIGGERS_1);
  }
  await using store = await openStore(fixture.path);
  const machines = async () => (await store.read({ licenseKey: "K1" })).license?.activeMachines;
  assertEquals(await machines(), 1);
  const request = { licenseKey: "K1", machineId: machine.id, isLost: true };
  await requestDecommission(store, request, { atMs: 0, actor: "test" });
  assertEquals(await machines(), 0);
  using db = new DatabaseSync(fixture.path, { readOnly: true });
  assertEquals(db.prepare("PRAGMA user_version").get(), { user_version: 5 });
});

Deno.test("a database of version 2 keeps its machines, which may give their places back", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(`${COLUMNS_3} PRAGMA user_version = 2`);
  }
  await using store = await openStore(fixture.path);
  const { license, machine: stored } = await store.read({
    licenseKey: "K1",
    machineId: machine.id,
  });
  assertEquals([license?.allowsRelease, stored?.name, stored?.status], [
    true,
    undefined,
    "ACTIVE",
  ]);
});

Deno.test("a database of version 3 keeps its machines, of which none was seen twice", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(`${COLUMNS_4} PRAGMA user_version = 3`);
  }
  await fixture.restart();
  assertEquals((await fixture.beat(machine)).status, 200);
  const scope = { licenseKey: "K1", machineId: machine.id };
  const { machine: stored } = await fixture.store.read(scope);
  assertEquals([stored?.status, stored?.chainJson, stored?.copiesSeenAtMs], [
    "ACTIVE",
    undefined,
    undefined,
  ]);
});

Deno.test("a database of version 4 keeps its licenses, which are open, and counts no blocked machine", async () => {
  await using fixture = await LicenseServerFixture.open();
  await fixture.register("K1");
  const machine = await makeMachine();
  await fixture.activate(machine);
  {
    using db = new DatabaseSync(fixture.path);
    db.exec(`${COLUMNS_5} PRAGMA user_version = 4`);
  }
  await fixture.restart();
  const scope = { licenseKey: "K1", machineId: machine.id };
  const read = async () => {
    const { license, machine } = await fixture.store.read(scope);
    return [license?.isClosed, license?.activeMachines, machine?.address];
  };
  assertEquals(await read(), [false, 1, undefined]);
  await fixture.beat(machine);
  await blockMachine(fixture.store, { ...scope, isBlocked: true }, { atMs: 0, actor: "test" });
  assertEquals(await read(), [false, 0, CLIENT_ADDRESS]);
});

interface OpenCase {
  readonly name: string;
  readonly prepare: (path: string) => void | Promise<void>;
  readonly message: (path: string) => string;
}

const OPEN_CASES: readonly OpenCase[] = [
  {
    name: "a file that is not a database",
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
      db.exec("PRAGMA user_version = 6");
    },
    message: (path) =>
      `database ${path} is newer than this program: schema version is 6, expected at most 5`,
  },
  {
    name: "a partly created database of ours",
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
    message: (path) => `${path} is a directory`,
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
  "openSqliteStore() refuses a missing folder, and a missing file without permission to create it",
  async () => {
    await using folder = await temporaryFolder();
    const [inside, missing] = ["none/a.db", "a.db"].map((name) => resolve(folder.at(name))) as [
      string,
      string,
    ];
    const first = await assertRejects(() => openStore(inside), SentinelError);
    assertEquals(first.message, `directory of the database not found: ${inside}`);
    const options = { create: false, busyTimeoutMs: 50, schedule: queueMicrotask };
    const second = await assertRejects(() => openSqliteStore(missing, options), SentinelError);
    assertEquals(second.message, `database not found: ${missing}`);
  },
);

testWith(
  [POSIX],
  "openSqliteStore() repeats the system's error if it cannot create the file",
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
