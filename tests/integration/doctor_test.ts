import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Customer } from "../support/customer.ts";
import { freePort } from "../support/free_port.ts";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import {
  hardwareBoundPayload,
  makeOrganization,
  type Organization,
  standardPayload,
} from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

interface Check {
  readonly check: string;
  readonly outcome: string;
  readonly found: string;
  readonly advice: string | null;
}

interface Diagnosis {
  readonly code: number;
  readonly isWell: boolean;
  readonly checks: readonly Check[];
}

async function diagnose(
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<Diagnosis> {
  const { code, stdout, stderr } = await runProgram(["doctor", "--json", ...args], { env });
  assertEquals(stderr, "");
  const { ok, checks } = JSON.parse(stdout);
  return { code, isWell: ok, checks };
}

function find(diagnosis: Diagnosis, name: string): Check {
  return diagnosis.checks.find(({ check }) => check === name)!;
}

/** A customer's folder with a licence that a test's organisation signed; its server is the test's. */
async function arrange(
  folder: TemporaryFolder,
  organization: Organization,
  payload: Parameters<Organization["license"]>[0],
): Promise<string[]> {
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  await Deno.writeTextFile(folder.at("a.lic"), await organization.license(payload));
  return [
    ...["--license", folder.at("a.lic"), "--org-key", folder.at("org.pem")],
    ...["--state-dir", folder.at("state")],
  ];
}

/** Everything in a folder, content and modes included. */
async function snapshot(path: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(path)) {
    const inner = `${path}/${name}`;
    const { mode, mtime } = await Deno.lstat(inner);
    if (isDirectory) lines.push(...await snapshot(inner));
    const text = isDirectory ? "" : (await Deno.readFile(inner)).toBase64();
    lines.push(`${inner} ${mode} ${mtime?.getTime()} ${text}`);
  }
  return lines.sort();
}

Deno.test("of a machine that is well, each line says so, nothing changes, and the exit status is 0", async () => {
  await using customer = await Customer.arrive();
  assertEquals((await customer.run("/bin/true")).code, 0);
  const args = [
    ...[
      "--license",
      customer.folder.at("K1.lic"),
      "--org-key",
      customer.folder.at("org_public_key.pem"),
    ],
    ...["--state-dir", customer.folder.at("state")],
  ];
  const env = { XDG_RUNTIME_DIR: customer.folder.at("runtime") };
  const list = () =>
    customer.vendor("list", "--json", "--database", customer.folder.at("vendor.db"));
  const before = [
    await snapshot(customer.folder.at("state")),
    await snapshot(customer.folder.at("runtime")),
    await list(),
  ];
  const diagnosis = await diagnose(args, env);
  const outcomes = diagnosis.checks.map(({ check, outcome }) => `${check} ${outcome}`);
  assertEquals(outcomes, [
    ...["key ok", "license ok", "dates ok", "hardware skipped"],
    ...["dns ok", "tcp ok", "tls skipped", "http ok", "signature ok", "clock ok"],
    ...["keystore ok", "state ok", "socket ok", "permissions ok"],
  ]);
  assertEquals([diagnosis.code, diagnosis.isWell], [0, true]);
  assertStringIncludes(
    find(diagnosis, "keystore").found,
    "derived key: a copy of the state folder",
  );
  assertStringIncludes(find(diagnosis, "state").found, "604800 seconds of grace left");
  const after = [
    await snapshot(customer.folder.at("state")),
    await snapshot(customer.folder.at("runtime")),
    await list(),
  ];
  assertEquals(after, before);
  const { stdout } = await runProgram(["doctor", ...args], { env });
  assertEquals(stdout.trimEnd().split("\n").length, diagnosis.checks.length);
});

Deno.test("before the first run nothing is made", async () => {
  await using folder = await temporaryFolder();
  const args = await arrange(
    folder,
    await makeOrganization(),
    standardPayload({ server_url: undefined }),
  );
  const before = await snapshot(folder.path);
  const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
  assertEquals(diagnosis.code, 0);
  assertEquals(find(diagnosis, "state").found, `none yet in ${folder.at("state")}`);
  assertStringIncludes(find(diagnosis, "socket").found, "which the first run makes");
  assertEquals(await snapshot(folder.path), before);
});

const organization = await makeOrganization();
const stranger = await makeOrganization();

const LICENSE_FAULTS: [string, string, number, () => Promise<string>][] = [
  ["another vendor's", "license", 80, () => stranger.license(standardPayload())],
  [
    "an expired",
    "dates",
    80,
    () => organization.license(standardPayload({ expiry_date: "2021-01-01" })),
  ],
  [
    "a future",
    "dates",
    80,
    () => organization.license(standardPayload({ issue_date: "2998-01-01" })),
  ],
  ["another machine's", "hardware", 83, () => organization.license(hardwareBoundPayload())],
];

for (const [what, check, status, license] of LICENSE_FAULTS) {
  Deno.test(`${what} licence fails the line ${check} first and ends with ${status}`, async () => {
    await using folder = await temporaryFolder();
    const args = await arrange(folder, organization, standardPayload());
    await Deno.writeTextFile(folder.at("a.lic"), await license());
    const diagnosis = await diagnose([...args], { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, status);
  });
}

/** This line failed and says what to do; those before it did not fail. */
function assertFails(diagnosis: Diagnosis, check: string): void {
  const first = diagnosis.checks.find(({ outcome }) => outcome === "failed");
  assertEquals(first?.check, check);
  assert(first!.advice !== null && first!.advice !== "");
  assertEquals(diagnosis.isWell, false);
}

Deno.test("a hardware-bound licence is told from the network: no server, no keystore, no state", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await runProgram(["fingerprint", "--json"]);
  const { v2 } = JSON.parse(stdout);
  const payload = hardwareBoundPayload(v2 === null ? {} : { hardware_fingerprint: v2 });
  const args = await arrange(folder, organization, payload);
  const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
  for (const check of ["dns", "tcp", "tls", "http", "signature", "clock", "keystore", "state"]) {
    assertEquals(find(diagnosis, check).outcome, "skipped", check);
  }
  assertEquals(diagnosis.code, v2 === null ? 83 : 0);
});

const UNREACHABLE: [string, string, () => string][] = [
  ["a name that nobody has", "dns", () => "https://licenses.invalid"],
  ["a port where nobody listens", "tcp", () => `http://127.0.0.1:${freePort()}`],
];

for (const [what, check, url] of UNREACHABLE) {
  Deno.test(`${what} fails the line ${check}, and the later ones are not tried`, async () => {
    await using folder = await temporaryFolder();
    const args = await arrange(folder, organization, standardPayload({ server_url: url() }));
    const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, 87);
    for (const later of ["http", "signature", "clock"]) {
      assertEquals(find(diagnosis, later).found, `${check} failed`);
    }
  });
}

const ANSWERS: [string, string, Parameters<typeof serveAnswers>[0]][] = [
  ["a server out of order", "http", () => new Response("oops", { status: 500 })],
  ["a stranger's web server", "signature", () => new Response("<html>", { status: 404 })],
  [
    "a refusal without signature",
    "signature",
    () => Response.json({ error: "no" }, { status: 403 }),
  ],
  [
    "an answer that another organization signed",
    "signature",
    (request) => signedAnswer(stranger, answerPayload(request)),
  ],
  ["a server of another time", "clock", async (request) => {
    const answer = await signedAnswer(organization, answerPayload(request));
    answer.headers.set("date", new Date(Date.now() - 3_600_000).toUTCString());
    return answer;
  }],
];

for (const [what, check, answer] of ANSWERS) {
  Deno.test(`${what} fails the line ${check}`, async () => {
    await using folder = await temporaryFolder();
    await using server = serveAnswers(answer);
    const args = await arrange(folder, organization, standardPayload({ server_url: server.url }));
    const diagnosis = await diagnose(args, { XDG_RUNTIME_DIR: folder.path });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, check === "clock" ? 2 : 87);
  });
}

Deno.test("a server that speaks no TLS fails the line tls", async () => {
  await using folder = await temporaryFolder();
  await using server = serveAnswers(() => new Response());
  const url = server.url.replace("http:", "https:");
  const args = await arrange(folder, organization, standardPayload({ server_url: url }));
  assertFails(await diagnose(args, { XDG_RUNTIME_DIR: folder.path }), "tls");
});

Deno.test("a proxy is what is reached first, and no password of its URL is shown", async () => {
  await using folder = await temporaryFolder();
  const port = freePort();
  const payload = standardPayload({ server_url: "http://licenses.invalid" });
  const diagnosis = await diagnose(await arrange(folder, organization, payload), {
    XDG_RUNTIME_DIR: folder.path,
    HTTP_PROXY: `http://user:secret@127.0.0.1:${port}`,
  });
  assertFails(diagnosis, "tcp");
  assertStringIncludes(find(diagnosis, "tcp").found, `proxy 127.0.0.1:${port} cannot be reached`);
  assert(!JSON.stringify(diagnosis).includes("secret"));
});

/** What is done to a customer's files after a run, the line that tells, and the exit status. */
const FILE_FAULTS: [string, string, number, (folder: TemporaryFolder) => Promise<void>][] = [
  ["a damaged keystore", "keystore", 2, (folder) => damage(folder.at("state/keystore.bin"))],
  [
    "a salt cut short",
    "keystore",
    2,
    (folder) => Deno.truncate(folder.at("state/keystore.salt"), 5),
  ],
  ["a damaged state", "state", 2, (folder) => damage(folder.at("state/state.bin"))],
  [
    "a state folder that others may read",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("state"), 0o755),
  ],
  [
    "a state file that others may read",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("state/state.bin"), 0o644),
  ],
  [
    "a key that others may change",
    "permissions",
    86,
    (folder) => Deno.chmod(folder.at("org_public_key.pem"), 0o666),
  ],
  [
    "a socket folder that others may open",
    "socket",
    86,
    (folder) => Deno.chmod(folder.at("runtime/sentinel"), 0o755),
  ],
];

async function damage(path: string): Promise<void> {
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(path, bytes);
}

for (const [what, check, status, harm] of FILE_FAULTS) {
  Deno.test(`${what} fails the line ${check} and stays as it is`, async () => {
    await using customer = await Customer.arrive();
    assertEquals((await customer.run("/bin/true")).code, 0);
    await harm(customer.folder);
    const before = await snapshot(customer.folder.at("state"));
    const diagnosis = await diagnose([
      ...[
        "--license",
        customer.folder.at("K1.lic"),
        "--org-key",
        customer.folder.at("org_public_key.pem"),
      ],
      ...["--state-dir", customer.folder.at("state")],
    ], { XDG_RUNTIME_DIR: customer.folder.at("runtime") });
    assertFails(diagnosis, check);
    assertEquals(diagnosis.code, status);
    assertEquals(await snapshot(customer.folder.at("state")), before);
  });
}
