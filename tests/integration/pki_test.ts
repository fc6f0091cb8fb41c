// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { assertMode } from "../support/file_mode.ts";
import {
  PINNED_RUNTIME,
  type ProgramResult,
  runProgram,
  startProgram,
} from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const OPENSSL = [needsProgram("openssl")];

const pki = (...args: string[]): Promise<ProgramResult> => runProgram(["pki", ...args]);

/** Runs `sentinel pki`; fails with what it said where it does not end with 0. */
async function made(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await pki(...args);
  assertEquals([code, stderr], [0, ""], args.join(" "));
  return stdout;
}

const serverTo = (folder: TemporaryFolder, out: string, ...args: string[]) => [
  ...["server", "--ca", folder.at("ca"), "--out", folder.at(out)],
  ...["--name", "localhost", "--san", "127.0.0.1", ...args],
];

const clientTo = (folder: TemporaryFolder, name: string, ...args: string[]) => [
  ...["client", "--ca", folder.at("ca"), "--out", folder.at(name), "--name", name, ...args],
];

/** A CA in `ca`, a server's certificate in `server`, clients' in `ops` and in `watch`. */
async function makeCertificates(folder: TemporaryFolder): Promise<void> {
  await made("ca", "--out", folder.at("ca"));
  await Promise.all([
    made(...serverTo(folder, "server")),
    made(...clientTo(folder, "ops", "--role", "control")),
    made(...clientTo(folder, "watch", "--role", "observe")),
  ]);
}

const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).sort();

testWith(
  [PINNED_RUNTIME],
  "server and client that have their certificates from pki work together",
  async () => {
    await using folder = await temporaryFolder();
    await makeCertificates(folder);
    const of = (kind: string, name = kind) => [
      ...["-c", folder.at(`${name}/${kind}.pem`), "-k", folder.at(`${name}/${kind}.key`)],
      ...["-C", folder.at("ca/ca.pem"), "-a", "127.0.0.1"],
    ];
    const data = ["-p", "0", "--data-dir", folder.at("data")];
    await using server = startProgram(["server", ...of("server"), ...data]);
    const [, port] = await server.stdout.match(/^listening on https:\/\/127\.0\.0\.1:(\d+)\n/m);
    const client = (name: string, ...args: string[]) =>
      runProgram(["client", ...of("client", name), "-p", port!, ...args]);
    assertEquals(await client("ops", "start", "echo", "hi"), {
      code: 0,
      stdout: "1\n",
      stderr: "",
    });
    assertEquals((await client("watch", "stream", "1")).stdout, "hi\n");
    assertEquals((await client("watch", "start", "echo", "hi")).code, 86);
    await server.stderr.match(/client: watch, role: observe/);
  },
);

testWith(OPENSSL, "openssl accepts the certificates of pki, each for its purpose", async () => {
  await using folder = await temporaryFolder();
  await makeCertificates(folder);
  const verify = (purpose: string, certificate: string) =>
    runTool(
      "openssl",
      ...["verify", "-x509_strict", "-purpose", purpose],
      ...["-CAfile", folder.at("ca/ca.pem"), folder.at(certificate)],
    );
  await verify("sslserver", "server/server.pem");
  await verify("sslclient", "ops/client.pem");
  await assertRejects(() => verify("sslclient", "server/server.pem"));
  await assertRejects(() => verify("sslserver", "ops/client.pem"));
  for (const name of ["ca/ca", "server/server", "ops/client"]) {
    const file = ["-in", folder.at(`${name}.pem`)];
    const certified = await runTool("openssl", "x509", ...file, "-noout", "-pubkey");
    const key = ["-in", folder.at(`${name}.key`)];
    assertEquals(await runTool("openssl", "pkey", ...key, "-pubout"), certified);
  }
});

testWith(OPENSSL, "times beyond 2050 are written as openssl reads them", async () => {
  await using folder = await temporaryFolder();
  await made("ca", "--out", folder.at("ca"), "--days", "36500");
  await made(...clientTo(folder, "ops", "--role", "control", "--days", "36000"));
  const files = ["-CAfile", folder.at("ca/ca.pem"), folder.at("ops/client.pem")];
  await runTool("openssl", "verify", "-x509_strict", "-purpose", "sslclient", ...files);
});

Deno.test("only the owner can read keys, whatever the umask; everyone can read certificates", async () => {
  await using folder = await temporaryFolder();
  const wrapper = ["sh", "-c", 'umask 0; exec "$@"', "sh"];
  const { code } = await runProgram(["pki", "ca", "--out", folder.at("ca")], { wrapper });
  assertEquals(code, 0);
  await assertMode(folder.at("ca"), 0o700);
  await assertMode(folder.at("ca/ca.key"), 0o600);
  await assertMode(folder.at("ca/ca.pem"), 0o644);
});

Deno.test("the written files are reported, for people and for programs", async () => {
  await using folder = await temporaryFolder();
  const ca = folder.at("ca");
  assertMatch(
    await made("ca", "--out", ca, "--name", "Acme", "--days", "30"),
    new RegExp(
      `^certificate written to ${ca}/ca\\.pem \\(valid until \\d{4}-\\d\\d-\\d\\d UTC\\)\n` +
        `key written to ${ca}/ca\\.key\n$`,
    ),
  );
  const out = await made(...clientTo(folder, "ops", "--role", "control", "--json"));
  const { valid_until: until, ...paths } = JSON.parse(out);
  assertMatch(until, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  const path = folder.at("ops/client");
  assertEquals(paths, { certificate: `${path}.pem`, key: `${path}.key` });
});

for (const file of ["ca.pem", "ca.key", "server.pem", "server.key", "client.pem", "client.key"]) {
  Deno.test(`${file} is not overwritten, and nothing is written beside it`, async () => {
    await using folder = await temporaryFolder();
    await made("ca", "--out", folder.at("ca"));
    await Deno.mkdir(folder.at("out"));
    const path = folder.at(`out/${file}`);
    await Deno.writeTextFile(path, "mine");
    const kind = file.split(".")[0]!;
    const { code, stderr } = await pki(
      ...{
        ca: ["ca", "--out", folder.at("out")],
        server: serverTo(folder, "out"),
        client: clientTo(folder, "out", "--role", "control"),
      }[kind]!,
    );
    assertEquals([code, stderr], [2, `sentinel: error: file already exists: ${path}\n`]);
    assertEquals(names(folder.at("out")), [file]);
    assertEquals(await Deno.readTextFile(path), "mine");
  });
}

testWith(OPENSSL, "a request of openssl's is signed, and its key is not copied", async () => {
  await using folder = await temporaryFolder();
  await made("ca", "--out", folder.at("ca"));
  const key = folder.at("own.key"), csr = folder.at("own.csr");
  const ec = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = ["-subj", "/CN=ops/OU=control"];
  await runTool("openssl", "req", ...ec, "-keyout", key, "-out", csr, ...subject);
  const signed = await made(...clientTo(folder, "ops", "--role", "control", "--csr", csr));
  assertMatch(signed, /^certificate written to .*\n$/);
  assertEquals(names(folder.at("ops")), ["client.pem"]);
  const file = ["-in", folder.at("ops/client.pem"), "-noout"];
  const certified = await runTool("openssl", "x509", ...file, "-pubkey");
  assertEquals(await runTool("openssl", "pkey", "-in", key, "-pubout"), certified);

  const { code, stderr } = await pki(...clientTo(folder, "no", "--role", "observe", "--csr", csr));
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'request refused: it asks for CN="ops", but no is granted\n');
  const asked = clientTo(folder, "ops", "--role", "observe", "--csr", csr);
  assertEquals(await pki(...asked), {
    code: 2,
    stdout: "",
    stderr: 'sentinel: error: request refused: it asks for OU="control", but observe is granted\n',
  });
});

interface BadCall {
  readonly name: string;
  readonly args: (folder: TemporaryFolder) => string[];
  readonly line: (folder: TemporaryFolder) => string;
}

const BAD_CALLS: readonly BadCall[] = [
  {
    name: "ca without a folder",
    args: () => ["ca"],
    line: () => "--out is required (PATH: where to write)",
  },
  {
    name: "ca for no day",
    args: (folder) => ["ca", "--out", folder.at("x"), "--days", "0"],
    line: () => "--days must be a whole number from 1 to 36500: current value is 0",
  },
  {
    name: "ca with a line break in its name",
    args: (folder) => ["ca", "--out", folder.at("x"), "--name", "a\nb"],
    line: () =>
      'a certificate\'s name has no space at its ends or characters that cannot be seen: "a\\nb"',
  },
  {
    name: "ca where a file is in place of the folder",
    args: (folder) => ["ca", "--out", folder.at("ca/ca.pem")],
    line: (folder) => `cannot write to ${folder.at("ca/ca.pem")}: `,
  },
  {
    name: "ca with an option of others",
    args: (folder) => ["ca", "--out", folder.at("x"), "--role", "control"],
    line: () => "unknown option: --role",
  },
  {
    name: "server without a CA",
    args: (folder) => ["server", "--ca", folder.at("no"), "--out", folder.at("x"), "--name", "a"],
    line: (folder) => `CA file not found: ${folder.at("no/ca.pem")}`,
  },
  {
    name: "server with a name that is none",
    args: (folder) => serverTo(folder, "x", "--san", "a b"),
    line: () => "neither a host name nor an IP address: a b",
  },
  {
    name: "server for longer than the CA",
    args: (folder) => serverTo(folder, "x", "--days", "3651"),
    line: () => "a certificate cannot outlive its CA, which ends on ",
  },
  {
    name: "client without a role",
    args: (folder) => clientTo(folder, "x"),
    line: () => "--role is required (ROLE: observe or control (OU))",
  },
  {
    name: "client with a role that is none",
    args: (folder) => clientTo(folder, "x", "--role", "Control"),
    line: () => "--role must be observe or control: current value is Control",
  },
  {
    name: "client with a request that is none",
    args: (folder) => clientTo(folder, "x", "--role", "control", "--csr", folder.at("ca/ca.pem")),
    line: () => "request cannot be read: it is none (PEM, PKCS#10)",
  },
  {
    name: "client with a request that is missing",
    args: (folder) => clientTo(folder, "x", "--role", "control", "--csr", folder.at("no.csr")),
    line: (folder) => `certificate request not found: ${folder.at("no.csr")}`,
  },
];

for (const { name, args, line } of BAD_CALLS) {
  Deno.test(`${name} is refused in one line, and nothing is written`, async () => {
    await using folder = await temporaryFolder();
    await made("ca", "--out", folder.at("ca"));
    const { code, stdout, stderr } = await pki(...args(folder));
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, `sentinel: error: ${line(folder)}`);
    assertEquals(stderr.split("\n").length, 2, stderr);
    assertEquals(names(folder.path), ["ca"]);
  });
}

Deno.test("a CA key that others may read is warned of", async () => {
  await using folder = await temporaryFolder();
  await made("ca", "--out", folder.at("ca"));
  await Deno.chmod(folder.at("ca/ca.key"), 0o644);
  const { code, stderr } = await pki(...serverTo(folder, "server"));
  assertEquals(code, 0);
  assertStringIncludes(stderr, `CA key file can be read by others: ${folder.at("ca/ca.key")} has`);
});
