// Not on Windows: it ends programs by POSIX signals.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { PINNED_RUNTIME, runProgram } from "../support/program.ts";
import { type Requirement, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { setUpVendor, type VendorSetup } from "../support/vendor_setup.ts";
import { CAN_BE_KEPT_OUT, WITHOUT_CAPABILITIES } from "../support/without_capabilities.ts";

interface BadCall {
  readonly name: string;
  readonly args: (vendor: VendorSetup, folder: string) => string[];
  readonly line: (vendor: VendorSetup, folder: string) => string;
  /** What the line needs, if anything. */
  readonly requirements?: readonly Requirement[];
}

const serve = (...args: string[]) => ["serve", "--port", "0", ...args];
const MACHINE = "6d0f1a52-2c0c-4f6f-9d42-0d3c1c3d7a11";

const CASES: readonly BadCall[] = [
  {
    name: "serve without a key",
    args: ({ database }) => serve("--database", database),
    line: () => "--key is required (FILE: the private key (PEM))",
  },
  {
    name: "serve with a missing key file",
    args: ({ database }, folder) => serve("--database", database, "--key", `${folder}/none`),
    line: (_, folder) => `key file not found: ${folder}/none`,
  },
  {
    name: "serve with the public key",
    args: ({ database, publicKeyPath }) => serve("--database", database, "--key", publicKeyPath),
    line: ({ publicKeyPath }) => `${publicKeyPath} is not a P-256 private key (PEM, PKCS#8)`,
  },
  {
    name: "serve with a database in a missing folder",
    args: ({ keyPath }, folder) => serve("--key", keyPath, "--database", `${folder}/none/a.db`),
    line: (_, folder) => `directory of the database not found: ${folder}/none/a.db`,
  },
  {
    name: "serve with a folder as database",
    args: ({ keyPath }, folder) => serve("--key", keyPath, "--database", folder),
    line: (_, folder) => `${folder} is a directory`,
  },
  {
    name: "serve with a file that is not a database",
    args: ({ keyPath }) => serve("--key", keyPath, "--database", keyPath),
    line: ({ keyPath }) => `${keyPath} is not a license database`,
    requirements: [PINNED_RUNTIME],
  },
  {
    name: "serve with a PostgreSQL URL",
    args: ({ keyPath }) => serve("--key", keyPath, "--database", "postgres://me:secret@db/x"),
    line: () => "--database must be the path of a SQLite file: a postgres URL is not supported",
  },
  {
    name: "serve at an address that is not this machine's",
    args: ({ keyPath, database }) =>
      serve("--key", keyPath, "--database", database, "--address", "192.0.2.1"),
    line: () => "cannot listen on 192.0.2.1 port 0: not an address of this machine",
  },
  {
    name: "serve at port 65536",
    args: (
      { keyPath, database },
    ) => ["serve", "--key", keyPath, "--database", database, "--port", "65536"],
    line: () => "--port must be a whole number from 0 to 65535: current value is 65536",
  },
  {
    name: "keygen where a key is",
    args: (_, folder) => ["keygen", "--out", `${folder}/keys`],
    line: ({ publicKeyPath }) => `key file already exists: ${publicKeyPath}`,
  },
  {
    name: "list of a missing database",
    args: (_, folder) => ["list", "--database", `${folder}/none.db`],
    line: (_, folder) => `database not found: ${folder}/none.db`,
  },
  {
    name: "list of an unknown license",
    args: ({ database }) => ["list", "K9", "--database", database],
    line: () => "license not found: K9",
  },
  {
    name: "revoke of an unknown license",
    args: ({ database }) => ["revoke", "K9", "--database", database],
    line: () => "license not found: K9",
  },
  {
    name: "reinstate of a license that is not suspended",
    args: ({ database }) => ["reinstate", "K1", "--database", database],
    line: () => "license K1 is not suspended",
  },
  {
    name: "suspend without a license",
    args: ({ database }) => ["suspend", "--database", database],
    line: () => "an argument is missing (see --help)",
  },
  {
    name: "decommission of an unknown machine",
    args: ({ database }) => ["decommission", "K1", MACHINE, "--database", database],
    line: () => `machine is not activated for license K1: ${MACHINE}`,
  },
  {
    name: "issue of a license that expires before it begins",
    args: (vendor, folder) =>
      issue(vendor, folder, "--expires", "2026-01-01", "--issued", "2026-01-02"),
    line: () => "expiry date 2026-01-01 is before issue date 2026-01-02",
  },
  {
    name: "issue of a third type",
    args: (vendor, folder) => issue(vendor, folder, "--type", "floating"),
    line: () => "--type must be standard or hardware-bound: current value is floating",
  },
  {
    name: "issue with a feature that has no name",
    args: (vendor, folder) => issue(vendor, folder, "--feature", "=1"),
    line: () => "--feature must be K=V: current value is =1",
  },
  {
    name: "issue with a feature twice",
    args: (vendor, folder) => issue(vendor, folder, "--feature", "a=1", "--feature", "a=2"),
    line: () => "--feature a is given twice",
  },
  {
    name: "issue with a number that JSON cannot keep",
    args: (vendor, folder) => issue(vendor, folder, "--feature", "id=12345678901234567"),
    line: () =>
      "--feature id: JSON cannot keep the number 12345678901234567 (12345678901234568 would remain of it): " +
      `quote it, as in 'id="12345678901234567"'`,
  },
  {
    name: "issue with such a number inside a feature",
    args: (vendor, folder) => issue(vendor, folder, "--feature", 'a={"b":[1e999]}'),
    line: () =>
      "--feature a: JSON cannot keep the number 1e999 (no number would remain of it): " +
      `quote it, as in 'a={"b":["1e999"]}'`,
  },
  {
    name: "issue of a key of two lines",
    args: (vendor, folder) => issue(vendor, folder, "--license-key", "K2\nK3"),
    line: () => "cannot issue: license_key has control characters",
  },
  {
    name: "issue with a checksum of a missing file",
    args: (vendor, folder) => issue(vendor, folder, "--checksum", `${folder}/none`),
    line: (_, folder) => `software cannot be read: ${folder}/none (not found)`,
  },
  {
    name: "issue of a key that exists",
    args: (vendor, folder) =>
      issue(vendor, folder, "--license-key", "K1", "--database", vendor.database),
    line: () => "license is already registered: K1",
  },
];

function issue({ keyPath }: VendorSetup, folder: string, ...args: string[]): string[] {
  return [
    ...["issue", "--key", keyPath, "--type", "standard", "--org", "acme", "--software-id", "app"],
    ...["--expires", "2099-12-31", "--out", `${folder}/new.lic`, ...args],
  ];
}

for (const { name, args, line, requirements = [] } of CASES) {
  testWith(requirements, `vendor ${name} is one clear line and status 2`, async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    const result = await runProgram(["vendor", ...args(vendor, folder.path)]);
    const stderr = `sentinel: error: ${line(vendor, folder.path)}\n`;
    assertEquals(result, { code: 2, stdout: "", stderr });
    const names = Array.from(Deno.readDirSync(folder.path), (entry) => entry.name).sort();
    assertEquals(names, ["keys", "licenses.db"]);
  });
}

Deno.test("vendor serve says that the database is locked by another process", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  using other = new DatabaseSync(vendor.database);
  other.exec("BEGIN EXCLUSIVE");
  const args = serve("--key", vendor.keyPath, "--database", vendor.database);
  const stderr = `sentinel: error: database is locked: ${vendor.database}\n`;
  assertEquals(await runProgram(["vendor", ...args]), { code: 2, stdout: "", stderr });
});

Deno.test("vendor serve says that the database is newer than the program", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  {
    using db = new DatabaseSync(vendor.database);
    db.exec("PRAGMA user_version = 7");
  }
  const args = serve("--key", vendor.keyPath, "--database", vendor.database);
  const stderr = `sentinel: error: database ${vendor.database} is newer than this program: ` +
    "schema version is 7, expected at most 5\n";
  assertEquals(await runProgram(["vendor", ...args]), { code: 2, stdout: "", stderr });
});

testWith(
  CAN_BE_KEPT_OUT,
  "vendor issue says that it cannot create the database, and writes no license",
  async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    await Deno.mkdir(folder.at("kept"), { mode: 0o500 });
    const database = folder.at("kept/a.db");
    const args = issue(vendor, folder.path, "--database", database);
    const { code, stderr } = await runProgram(["vendor", ...args], {
      wrapper: WITHOUT_CAPABILITIES,
    });
    assertEquals(code, 2);
    assertStringIncludes(stderr, `cannot use database ${database}: Permission denied`);
    const names = Array.from(Deno.readDirSync(folder.path), (entry) => entry.name).sort();
    assertEquals(names, ["kept", "keys", "licenses.db"]);
  },
);

Deno.test("vendor serve says that the port is in use", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const args = ["--key", vendor.keyPath, "--database", vendor.database, "--port", String(port)];
  const stderr = `sentinel: error: port ${port} is already in use on 127.0.0.1\n`;
  assertEquals(await runProgram(["vendor", "serve", ...args]), { code: 2, stdout: "", stderr });
});

Deno.test("a key file or database that others may read is a warning, and the server serves", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  await Deno.chmod(vendor.keyPath, 0o644);
  await Deno.chmod(vendor.database, 0o640);
  await using server = await vendor.serve();
  const { code, stderr } = await server.stop("SIGTERM");
  assertEquals(code, 0);
  const [ofKey = "", ofDatabase = ""] = stderr.split("\n");
  assertMatch(ofKey, /WARN.*key file can be read by others: .* has mode 0644/);
  assertMatch(ofDatabase, /WARN.*database can be read by others: .*licenses.db has mode 0640/);
});

Deno.test("vendor issue without --database says that no server knows the license", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const args = issue(vendor, folder.path, "--license-key", "K2");
  const { code, stdout } = await runProgram(["vendor", ...args]);
  assertEquals(code, 0);
  const path = folder.at("new.lic");
  assertEquals(stdout, `license K2 written to ${path} (not registered with a license server)\n`);
  assert(!(await vendor.administer("list")).includes("K2"));
});

Deno.test("vendor issue signs a number in quotes as the text that it is", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const args = issue(vendor, folder.path, "--feature", 'id="12345678901234567"');
  assertEquals((await runProgram(["vendor", ...args])).code, 0);
  const { payload } = JSON.parse(await Deno.readTextFile(folder.at("new.lic")));
  assertStringIncludes(atob(payload), '"features":{"id":"12345678901234567"}');
});

Deno.test("variables can set the options of vendor commands", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const env = { SENTINEL_DATABASE: vendor.database };
  const { code, stdout } = await runProgram(["vendor", "suspend", "K1"], { env });
  assertEquals([code, stdout], [0, "license K1 is suspended\n"]);
});
