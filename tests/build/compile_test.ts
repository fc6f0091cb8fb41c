// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { dirname, fromFileUrl } from "@std/path";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { programLine, type ProgramResult } from "../support/program.ts";
import { runTool } from "../support/run_tool.ts";
import {
  compile,
  compileProgram,
  COMPILER,
  runStandalone,
  sharedProgram,
  STANDALONE,
} from "../support/standalone.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const AT_A_TIME = { SOURCE_DATE_EPOCH: "1700000000" };

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

/** What was put behind the runtime, which has its own makers' paths. */
async function ownBytes(program: string): Promise<Uint8Array> {
  const { size } = await Deno.stat(Deno.env.get("DENORT_BIN")!);
  return (await Deno.readFile(program)).subarray(size - 4096);
}

testWith([COMPILER], "a program tells what it was built with, and takes no other key", async () => {
  await using folder = await temporaryFolder();
  await makeOrganizationKey(folder.path);
  const program = await compileProgram(folder.path, [
    ...["--org-key", folder.at("org_public_key.pem"), "--software-id", "rocket"],
    ...["--server-url", "http://127.0.0.1:9"],
  ], AT_A_TIME);
  const { commit, organization_key: key, ...facts } = JSON.parse(
    (await runStandalone(program, ["--version", "--json"])).stdout,
  );
  assertEquals(facts.built_at, "2023-11-14T22:13:20.000Z");
  assertEquals([facts.target, facts.software_id], [Deno.build.target, "rocket"]);
  assertEquals([facts.profile, facts.server_url], ["customer", "http://127.0.0.1:9"]);
  assertEquals(facts.permissions.includes("--allow-all"), false);
  assertMatch(key, /^sha256:[0-9a-f]{64}$/);
  assertMatch(commit, /^[0-9a-f]{40}(?:-dirty)?$/);
  for (const env of [{}, { SENTINEL_ORG_KEY: "y.pem" }]) {
    const option = "SENTINEL_ORG_KEY" in env ? [] : ["--org-key", "y.pem"];
    assertEquals(await runStandalone(program, ["license", "verify", "x.lic", ...option], env), {
      code: 2,
      stdout: "",
      stderr:
        "sentinel: error: --org-key is not allowed: this sentinel has its organization's key built in\n",
    });
  }
  const verified = await runStandalone(program, ["license", "verify", "x.lic"]);
  assertMatch(verified.stderr, /file not found/);
});

testWith([COMPILER], "the same inputs make the same bytes, in another folder", async () => {
  await using folder = await temporaryFolder();
  const first = await compileProgram(folder.at("one"), [], AT_A_TIME);
  await Deno.mkdir(folder.at("tmp"));
  const elsewhere = { ...AT_A_TIME, TMPDIR: folder.at("tmp") };
  const second = await compileProgram(folder.at("two"), [], elsewhere);
  assertEquals(await sumOf(second), await sumOf(first));
  const later = await compileProgram(folder.at("two"), [], { SOURCE_DATE_EPOCH: "1700000001" });
  assertNotEquals(await sumOf(later), await sumOf(first));
});

testWith(
  [COMPILER],
  "a program has no private key, no test's key and no path of its maker's",
  async () => {
    const bytes = await ownBytes(await sharedProgram());
    assert(holds(bytes, "--org-key is not allowed"));
    const home = Deno.env.get("HOME") ?? "";
    const private_ = [ROOT, "/sentinel-test-", dirname(Deno.execPath()), ".cache/deno", "tests/"];
    for (const text of [...private_, ...(home.length > 1 ? [`${home}/`] : [])]) {
      assertEquals(holds(bytes, text), false, text);
    }
    // the label is there, as keys are made and read, but no key's beginning (PKCS#8 and SPKI of P-256)
    for (const key of ["MIGHAgEA", "MIGEAgEA", "MHcCAQEE", "MFkwEwYHKoZI"]) {
      assertEquals(holds(bytes, key), false, key);
    }
  },
);

testWith([COMPILER], "a key that is built in is seen among a program's bytes", async () => {
  await using folder = await temporaryFolder();
  await makeOrganizationKey(folder.path);
  const program = await compileProgram(folder.path, [
    "--org-key",
    folder.at("org_public_key.pem"),
  ]);
  assert(holds(await ownBytes(program), "MFkwEwYHKoZI"));
});

testWith([COMPILER], "a program of a runtime that lets everybody in is no server", async () => {
  const program = await sharedProgram();
  const paths = ["-c", "x", "-k", "x", "-C", "x", "-a", "127.0.0.1", "-p", "0"];
  const { code, stderr } = await runStandalone(program, ["server", ...paths]);
  assertEquals(code, 2);
  assertMatch(stderr, /this runtime does not verify client certificates/);
});

/** What a program that runs twice leaves in the temporary folder. */
async function leftBehind(program: string, folder: string): Promise<string[]> {
  await Deno.mkdir(folder);
  for (let run = 0; run < 2; run++) {
    assertEquals((await runStandalone(program, ["--version"], { TMPDIR: folder })).code, 0);
  }
  return Array.from(Deno.readDirSync(folder), ({ name }) => name);
}

testWith(
  [COMPILER],
  "a program keeps no code where others could change it, as one with a code cache does",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.writeTextFile(folder.at("main.js"), "console.log(1);");
    const without = folder.at("cached");
    await runStandalone(Deno.env.get("BUILD_DENO") ?? Deno.execPath(), [
      ...["compile", "--quiet", "--no-check", "--no-config", "--output", without],
      folder.at("main.js"),
    ]);
    assertEquals(await leftBehind(without, folder.at("one")), ["deno-compile-cached.cache"]);
    assertEquals(await leftBehind(await sharedProgram(), folder.at("two")), []);
  },
);

testWith(
  [COMPILER, needsProgram("sha256sum")],
  "sha256sum checks what was built, whatever was built before",
  async () => {
    await using folder = await temporaryFolder();
    await compileProgram(folder.path);
    await compile([
      ...["--profile", "vendor", "--out", folder.path],
      ...["--preload", "tests/fixtures/old_runtime.ts"],
    ]);
    const checked = await runTool("sh", "-c", `cd ${folder.path} && sha256sum --check SHA256SUMS`);
    assertEquals(
      checked.trim().split("\n").sort(),
      [STANDALONE, STANDALONE.replace("sentinel", "sentinel-vendor")]
        .map((name) => `${name}: OK`).sort(),
    );
  },
);

const MISTAKES: readonly [string, string[], RegExp][] = [
  ["a target that there is none of", ["--target", "vax"], /^compile: error: unknown target: vax/],
  ["a key that is none", ["--org-key", "deno.json"], /organization key is not a P-256 public key/],
  ["a key that is not there", ["--org-key", "nowhere"], /organization key cannot be read: nowhere/],
  ["a server that is no URL", ["--server-url", "nowhere"], /--server-url must be an http\(s\) URL/],
  ["software that is not absolute", ["--software", "x"], /--software must be an absolute path/],
  ["a profile that there is none of", ["--profile", "x"], /--profile must be one of customer/],
  ["an option that there is none of", ["--fast"], /unexpected argument: --fast/],
];

for (const [what, args, expected] of MISTAKES) {
  Deno.test(`compile says in one line what is wrong with ${what}`, async () => {
    await using folder = await temporaryFolder();
    const unset = { DENORT_BIN: "", BUILD_DENO: "" };
    const { code, stderr } = await compile(["--out", folder.at("out"), ...args], unset);
    assertEquals(code, 2, stderr);
    assertMatch(stderr, expected);
    assertEquals(stderr.trim().split("\n").length, 1);
  });
}

Deno.test("compile says in one line where Deno is not", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await compile(["--out", folder.path], { BUILD_DENO: "/nowhere/deno" });
  assertEquals(code, 2);
  assertEquals(
    stderr,
    "compile: error: programs are built with Deno, which was not found: /nowhere/deno " +
      "(install it, or name it in BUILD_DENO)\n",
  );
});

/** Writes what is behind `--output` as a program that starts, and keeps a line of what it was asked for. */
const OTHER_DENO = `#!/bin/sh
echo "$1" >> "$0.calls"
[ "$1" != --version ] || echo "deno 1.0.0 (stable)"
[ "$1" = compile ] || exit 0
while [ "$1" != --output ]; do shift; done
printf '#!/bin/sh\\n' > "$2"; chmod 755 "$2"
`;

const BUILDERS: readonly [
  string,
  (args: readonly string[], env: Record<string, string>) => Promise<ProgramResult>,
][] = [
  ["deno task compile", compile],
  ["vendor build from source", (args, env) => {
    const [runtime, ...rest] = programLine(["vendor", "build", ...args], { isSource: true });
    return runStandalone(runtime!, rest, env);
  }],
];

for (const [builder, build] of BUILDERS) {
  testWith(
    [POSIX],
    `${builder} bundles with the Deno that runs it, and names another one that compiles`,
    async () => {
      await using folder = await temporaryFolder();
      await makeOrganizationKey(folder.path);
      await Deno.writeTextFile(folder.at("deno"), OTHER_DENO, { mode: 0o755 });
      const args = ["--org-key", folder.at("org_public_key.pem"), "--out", folder.at("out")];
      const { code, stderr } = await build(args, { BUILD_DENO: folder.at("deno"), DENORT_BIN: "" });
      assertEquals([code, stderr], [
        0,
        `Deno 1.0.0 compiles, not the pinned ${Deno.version.deno}: do not ship the programs\n`,
      ]);
      assertEquals(await Deno.readTextFile(folder.at("deno.calls")), "--version\ncompile\n");
    },
  );
}

testWith([COMPILER], "a runtime of another release is said to be such", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await compile(["--out", folder.path], { BUILD_DENO: "" });
  assertEquals(code, 2);
  assertMatch(stderr, /^compile: error: the program does not start: .*DENORT_BIN/);
  assertEquals(stderr.trim().split("\n").length, 1);
  assertEquals([...Deno.readDirSync(folder.path)], []);
});

testWith([COMPILER], "a named runtime is not taken for another system", async () => {
  await using folder = await temporaryFolder();
  const { code, stderr } = await compile(["--out", folder.path, "--target", "all"]);
  assertEquals(code, 2);
  assertMatch(stderr, /DENORT_BIN is for this machine only \(\S+\), not /);
});

testWith([POSIX], "without a network, compile says in one line how to name a runtime", async () => {
  await using folder = await temporaryFolder();
  // no server answers there, as without a network
  const deno = `DENO_DIR=${
    folder.at("cache")
  } HTTPS_PROXY=http://127.0.0.1:9 exec ${Deno.execPath()}`;
  await Deno.writeTextFile(folder.at("deno"), `#!/bin/sh\n${deno} "$@"\n`, { mode: 0o755 });
  const { code, stderr } = await compile(["--out", folder.at("out")], {
    DENORT_BIN: "",
    BUILD_DENO: folder.at("deno"),
  });
  assertEquals({ code, stderr }, {
    code: 2,
    stderr:
      `compile: error: no runtime for ${Deno.build.target}: deno compile could not download it; ` +
      "DENORT_BIN may name one (denort of the same release)\n",
  });
});
