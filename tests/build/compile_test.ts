import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { executableName } from "../../build/targets.ts";
import { type Requirement, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";
import { makeOrganisationKey } from "../../src/vendor/keys.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const RUNTIME: Requirement = {
  reason: "no runtime to compile with (BUILD_DENO, DENORT_BIN)",
  met: Deno.env.has("BUILD_DENO") && Deno.env.has("DENORT_BIN"),
};
const NAME = executableName(Deno.build.target);

async function run(program: string, args: string[], env: Record<string, string> = {}) {
  const output = await new Deno.Command(program, {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code: output.code, stdout: text(output.stdout), stderr: text(output.stderr) };
}

function compile(args: string[], env: Record<string, string> = {}) {
  const permissions = ["read", "write", "env", "run"].map((kind) => `--allow-${kind}`);
  return run(Deno.execPath(), ["run", "--quiet", ...permissions, "build/compile.ts", ...args], env);
}

/** An executable with a key; `below` is the folder that it is in. */
async function build(folder: TemporaryFolder, below: string): Promise<string> {
  const { code, stderr } = await compile([
    ...["--preload", "tests/fixtures/old_runtime.ts", "--out", folder.at(below)],
    ...["--org-key", folder.at("org_public_key.pem"), "--software-id", "rocket"],
    ...["--server-url", "http://127.0.0.1:9"],
  ], { SOURCE_DATE_EPOCH: "1700000000" });
  assertEquals(code, 0, stderr);
  assertMatch(stderr, new RegExp(`${NAME}: \\d+\\.\\d MiB, SHA-256 [0-9a-f]{64}\n`));
  return folder.at(`${below}/${NAME}`);
}

async function sumOf(path: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", await Deno.readFile(path))).toHex();
}

function holds(bytes: Uint8Array, text: string): boolean {
  const wanted = new TextEncoder().encode(text);
  for (let at = bytes.indexOf(wanted[0]!); at !== -1; at = bytes.indexOf(wanted[0]!, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

testWith(
  [RUNTIME],
  "an executable tells what it was built with, takes no other key, and has nothing of its maker's",
  async () => {
    await using folder = await temporaryFolder();
    await makeOrganisationKey(folder.path);
    const program = await build(folder, "one");
    const { commit, organization_key: key, ...facts } = JSON.parse(
      (await run(program, ["--version", "--json"])).stdout,
    );
    assertEquals(facts.built_at, "2023-11-14T22:13:20.000Z");
    assertEquals([facts.target, facts.software_id], [Deno.build.target, "rocket"]);
    assertEquals(facts.server_url, "http://127.0.0.1:9");
    assertMatch(key, /^sha256:[0-9a-f]{64}$/);
    assertMatch(commit, /^[0-9a-f]{40}(?:-dirty)?$/);
    const refused = await run(program, ["license", "verify", "x.lic", "--org-key", "y.pem"]);
    assertEquals(refused, {
      code: 2,
      stdout: "",
      stderr:
        "sentinel: error: --org-key is not taken: this sentinel has its organization's key built in\n",
    });
    assertMatch((await run(program, ["license", "verify", "x.lic"])).stderr, /file not found/);
    const sums = await Deno.readTextFile(folder.at("one/SHA256SUMS"));
    assertEquals(sums, `${await sumOf(program)}  ${NAME}\n`);
    const bytes = await Deno.readFile(program);
    assert(holds(bytes, "--org-key is not taken"));
    for (const secret of [ROOT, folder.path, "PRIVATE KEY-----"]) {
      assertEquals(holds(bytes, secret), false, secret);
    }
    await Deno.remove(program);
    assertEquals(await sumOf(await build(folder, "two")), sums.slice(0, 64));
  },
);

testWith([RUNTIME], "an executable of a runtime that lets everybody in is no server", async () => {
  await using folder = await temporaryFolder();
  await makeOrganisationKey(folder.path);
  const program = await build(folder, "out");
  const paths = ["-c", "x", "-k", "x", "-C", "x", "-a", "127.0.0.1", "-p", "0"];
  const { code, stderr } = await run(program, ["server", ...paths]);
  assertEquals(code, 2);
  assertMatch(stderr, /this runtime does not verify client certificates/);
});

const MISTAKES: readonly [string, string[], RegExp][] = [
  [
    "a target that there is none of",
    ["--target", "vax"],
    /^compile: error: unknown target: vax \(/,
  ],
  ["a key that is none", ["--org-key", "deno.json"], /organization key is no P-256 public key/],
  ["a key that is not there", ["--org-key", "nowhere"], /organization key cannot be read: nowhere/],
  ["a server that is no URL", ["--server-url", "nowhere"], /--server-url must be an http\(s\) URL/],
];

for (const [what, args, expected] of MISTAKES) {
  Deno.test(`compile says in one line what is wrong with ${what}`, async () => {
    const { code, stderr } = await compile(args, { DENORT_BIN: "" });
    assertEquals(code, 2);
    assertMatch(stderr, expected);
    assertEquals(stderr.trim().split("\n").length, 1);
  });
}
