// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
/** Licenses that belong to one machine, with the real program on this machine. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  hardwareBoundPayload,
  makeOrganization,
  type Organization,
  standardPayload,
} from "../support/organization.ts";
import { COMPONENTS } from "../../src/platform/hardware_ids.ts";
import { type ProgramResult, runProgram, startProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { isRunning } from "../support/process_state.ts";

const organization: Organization = await makeOrganization();
const { stdout } = await runProgram(["fingerprint", "--json"]);
const explained = JSON.parse(stdout);
/** A container may expose too few components. */
const HAS_FINGERPRINT = {
  need: "readable hardware ids",
  met: explained.v2 !== null,
};

const HAS_MODEL = {
  need: "a readable processor model",
  met: explained.components.cpu_model.readable,
};

const NEEDS_STRACE = needsProgram("strace");

/** What differs from a license for this machine. */
interface Fixture {
  readonly fingerprint?: string;
  readonly script?: string;
}

async function arrange(
  folder: TemporaryFolder,
  { fingerprint = explained.v2, script = "echo up" }: Fixture = {},
) {
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  const payload = hardwareBoundPayload({ hardware_fingerprint: fingerprint });
  await Deno.writeTextFile(folder.at("a.lic"), await organization.license(payload));
  await Deno.writeTextFile(folder.at("software"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return [
    ...["run", "--license", folder.at("a.lic"), "--software", folder.at("software")],
    ...["--org-key", folder.at("org.pem"), "--state-dir", folder.at("state")],
  ];
}

function programOptions(folder: TemporaryFolder) {
  return { env: { XDG_RUNTIME_DIR: folder.path, DENO_NO_UPDATE_CHECK: "1" } };
}

async function entriesOf(path: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
}

testWith(
  [HAS_FINGERPRINT],
  "a license for this machine runs the software, which finds its socket, and leaves nothing behind",
  async () => {
    await using folder = await temporaryFolder();
    const ask = new URL("../fixtures/ask_license.ts", import.meta.url).pathname;
    const args = await arrange(folder, {
      script: `echo "$SENTINEL_IPC_SOCKET"; exec ${Deno.execPath()} run -A ${ask}`,
    });
    const { code, stdout, stderr } = await runProgram(args, programOptions(folder));
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    const [path, , license] = stdout.split("\n");
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(explained.v2));
    const id = new Uint8Array(digest).toHex().slice(0, 32);
    assertEquals(path, folder.at(`sentinel/sentinel-${id}.sock`));
    assertStringIncludes(license!, '"license_type":"HARDWARE_BOUND"');
    assertEquals(await entriesOf(folder.path), ["a.lic", "org.pem", "sentinel", "software"]);
    assertEquals(await entriesOf(folder.at("sentinel")), []);
  },
);

testWith(
  [HAS_FINGERPRINT],
  "a run under it reports its status over the socket and ends on SIGTERM",
  async () => {
    await using folder = await temporaryFolder();
    const args = await arrange(folder, { script: "echo $$; exec sleep 1000" });
    await using run = startProgram(args, programOptions(folder));
    const [pid] = await run.stdout.match(/\d+\n/);
    const asked = await runProgram(["ipc", "status", "--json"], programOptions(folder));
    const { license_status } = JSON.parse(asked.stdout);
    assertEquals(license_status, "ACTIVE");
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
    assert(!await isRunning(Number(pid)));
  },
);

const MISMATCH =
  "sentinel: error: hardware fingerprint mismatch: this license is not valid for this machine";

Deno.test("a v1 license of another machine ends the run with 83, nothing launched", async () => {
  await using folder = await temporaryFolder();
  const args = await arrange(folder, { fingerprint: "ab".repeat(32) });
  assertMismatch(await runProgram(args, programOptions(folder)));
  assertEquals(await entriesOf(folder.path), ["a.lic", "org.pem", "software"]);
});

testWith(
  [HAS_FINGERPRINT],
  "a v2 license of another machine names what differs in the log",
  async () => {
    await using folder = await temporaryFolder();
    const [, name] = /(\w+)=[0-9a-f]{16}$/.exec(explained.v2)!;
    const fingerprint = explained.v2
      .replace(/^v2:\d+/, `v2:${explained.v2.split(",").length}`)
      .replace(/[0-9a-f]{16}$/, "0".repeat(16));
    const args = await arrange(folder, { fingerprint });
    const { stderr } = assertMismatch(await runProgram(args, programOptions(folder)));
    assertStringIncludes(stderr, "components match");
    assertStringIncludes(stderr, `must: ${name} differ\n`);
  },
);

/** The exit status, no output of the software's, and the contract's line at the end. */
function assertMismatch(result: ProgramResult): ProgramResult {
  assertEquals({ code: result.code, stdout: result.stdout }, { code: 83, stdout: "" });
  assertEquals(result.stderr.trimEnd().split("\n").at(-1), MISMATCH);
  return result;
}

testWith(
  [HAS_FINGERPRINT],
  "changed software is not launched under a license with its checksum",
  async () => {
    await using folder = await temporaryFolder();
    await arrange(folder);
    await runProgram(["vendor", "keygen", "--out", folder.at("keys")]);
    const issued = await runProgram([
      ...[
        "vendor",
        "issue",
        "--key",
        folder.at("keys/org_private_key.pem"),
        "--type",
        "hardware-bound",
      ],
      ...["--org", "acme", "--software-id", "rocket", "--expires", "2999-12-31"],
      ...[
        "--fingerprint",
        explained.v2,
        "--checksum",
        folder.at("software"),
        "--out",
        folder.at("b.lic"),
      ],
    ]);
    assertEquals(issued.code, 0, issued.stderr);
    const run = () =>
      runProgram([
        ...["run", "--license", folder.at("b.lic"), "--software", folder.at("software")],
        ...["--org-key", folder.at("keys/org_public_key.pem")],
      ], programOptions(folder));
    assertEquals((await run()).stdout, "up\n");
    await Deno.writeTextFile(folder.at("software"), "#!/bin/sh\necho cracked\n");
    const { code, stdout, stderr } = await run();
    assertEquals({ code, stdout }, { code: 84, stdout: "" });
    assertStringIncludes(stderr, "software checksum mismatch");
  },
);

/** The families of the sockets that a run makes, its software's included, as the kernel saw them. */
async function socketFamilies(
  folder: TemporaryFolder,
  args: readonly string[],
): Promise<Set<string>> {
  const trace = folder.at("trace");
  await runProgram(args, {
    ...programOptions(folder),
    wrapper: ["strace", "-f", "--seccomp-bpf", "-e", "trace=network", "-o", trace],
  });
  const calls = (await Deno.readTextFile(trace)).matchAll(/\bsocket(?:pair)?\((\w+)/g);
  return new Set(Array.from(calls, ([, family]) => family!));
}

testWith(
  [NEEDS_STRACE, HAS_FINGERPRINT],
  "such a run makes no network system calls except for local sockets",
  async () => {
    await using folder = await temporaryFolder();
    assertEquals(await socketFamilies(folder, await arrange(folder)), new Set(["AF_UNIX"]));
    const args = await arrangeStandard(folder);
    assert((await socketFamilies(folder, args)).has("AF_INET"));
  },
);

/** The contrast: a license that is kept alive over the network. */
async function arrangeStandard(folder: TemporaryFolder): Promise<string[]> {
  const args = await arrange(folder);
  await Deno.writeTextFile(
    folder.at("a.lic"),
    await organization.license(standardPayload({ server_url: "http://127.0.0.1:20001" })),
  );
  return args;
}

Deno.test("fingerprint --json and --explain report the same and show no serial number", async () => {
  assertEquals(Object.keys(explained), ["v1", "v2", "components"]);
  assertEquals(Object.keys(explained.components), [...COMPONENTS]);
  const plain = await runProgram(["fingerprint", "--explain"]);
  const lines = plain.stdout.trimEnd().split("\n");
  const isMade = explained.v2 !== null;
  assertEquals([plain.code, lines[0] === explained.v2], isMade ? [0, true] : [83, false]);
  for (
    const [name, { readable, source, hash, error }] of Object.entries<Record<string, unknown>>(
      explained.components,
    )
  ) {
    const line = lines.find((line) => line.startsWith(`${name} `))!;
    assertStringIncludes(line, String(readable ? hash : error));
    assertEquals(
      [typeof source, typeof hash, error],
      readable ? ["string", "string", null] : ["object", "object", error],
    );
  }
  const machineId = (await Deno.readTextFile("/etc/machine-id").catch(() => "")).trim();
  assert(machineId === "" || !(plain.stdout + stdout).includes(machineId));
});

Deno.test("fingerprint --format v1 prints v1 or says with 83 what is unreadable; v3 is refused", async () => {
  const { code, stdout, stderr } = await runProgram(["fingerprint", "--format", "v1"]);
  if (explained.v1 === null) {
    assertEquals({ code, stdout }, { code: 83, stdout: "" });
    assertStringIncludes(stderr, "a v1 fingerprint needs cpu, disk, machine_id: ");
  } else assertEquals({ code, stdout }, { code: 0, stdout: explained.v1 + "\n" });
  assertEquals((await runProgram(["fingerprint", "--format", "v3"])).code, 2);
});

const WEAK = "v2:1:disk=0123456789abcdef,cpu_model=0123456789abcdef";
const WEAK_WARNING =
  "WARNING: the hardware fingerprint is weak: similar machines have the same disk, cpu_model; " +
  "it has none of machine_id, cpu, board, mac\n";

/** `vendor issue` of a hardware-bound license into `b.lic`. */
async function issue(folder: TemporaryFolder, fingerprint: string, ...args: string[]) {
  await runProgram(["vendor", "keygen", "--out", folder.at("keys")]);
  return await runProgram([
    ...["vendor", "issue", "--key", folder.at("keys/org_private_key.pem")],
    ...["--type", "hardware-bound", "--org", "acme", "--software-id", "rocket"],
    ...["--expires", "2999-12-31", "--out", folder.at("b.lic"), "--license-key", "H1"],
    ...["--fingerprint", fingerprint, ...args],
  ]);
}

Deno.test("vendor issue refuses a fingerprint that similar machines have, and says what would issue it", async () => {
  await using folder = await temporaryFolder();
  const { code, stdout, stderr } = await issue(folder, WEAK);
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "cannot issue: the hardware fingerprint is weak: similar machines");
  assertStringIncludes(stderr, "(--weak-fingerprint issues it all the same)\n");
  assertEquals(await entriesOf(folder.path), ["keys"]);
});

testWith(
  [HAS_MODEL],
  "with --weak-fingerprint it is issued, and vendor issue, each run and doctor warn of it",
  async () => {
    await using folder = await temporaryFolder();
    const model = explained.components.cpu_model.hash;
    const fingerprint = `v2:1:disk=0123456789abcdef,cpu_model=${model}`;
    const issued = await issue(folder, fingerprint, "--weak-fingerprint");
    assertEquals(issued.code, 0, issued.stderr);
    assertStringIncludes(issued.stderr, WEAK_WARNING);
    await arrange(folder);
    const license = [
      "--license",
      folder.at("b.lic"),
      "--org-key",
      folder.at("keys/org_public_key.pem"),
    ];
    for (let start = 0; start < 2; start++) {
      const run = ["run", ...license, "--software", folder.at("software")];
      const { code, stdout, stderr } = await runProgram(run, programOptions(folder));
      assertEquals([code, stdout], [0, "up\n"]);
      assertStringIncludes(stderr, WEAK_WARNING);
    }
    const doctor = await runProgram(["doctor", ...license], programOptions(folder));
    assertStringIncludes(
      doctor.stdout,
      "this is the license's machine, but the hardware fingerprint is weak: ",
    );
  },
);

testWith(
  [HAS_MODEL],
  "fingerprint says what is weak about what it prints, on standard error alone",
  async () => {
    const { stdout, stderr } = await runProgram(["fingerprint"]);
    const names = Array.from(stdout.matchAll(/(\w+)=/g), ([, name]) => name!);
    const bound = names.filter((name) => ["machine_id", "cpu", "board", "mac"].includes(name));
    const isWeak = names.length > 0 && (bound.length === 0 || bound.join() === "machine_id");
    assertEquals(stderr.includes("the hardware fingerprint is weak: "), isWeak, stdout + stderr);
  },
);
