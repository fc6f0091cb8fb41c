import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { SentinelError } from "../../src/core/errors.ts";
import type { BuiltFile } from "../../src/packaging/build_programs.ts";
import { lstatIfExists } from "../../src/core/files.ts";
import { buildPrograms, type BuildRequest } from "../../src/packaging/build_programs.ts";
import { type Target, TARGETS } from "../../src/packaging/targets.ts";
import { makeOrganization } from "../support/organization.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const HOST = Deno.build.target as Target;
/** Another system than this machine's. */
const OTHER = TARGETS.find((target) => target !== HOST)!;

interface Failed {
  readonly error: SentinelError;
  readonly out: string[] | undefined;
}

const namesIn = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();

/** What Deno says of the version that is wanted, and of a module without imports. */
const ANSWERS =
  `case $1 in --version) echo "deno 0.0.0"; exit;; info) echo '{"modules":[]}'; exit;; esac`;

/** Runs a build with this script (of `sh`) in Deno's place; in `out` are the files of the folder that they go to, if it is there. */
async function build(
  script: string,
  { host = OTHER, hasOwnRuntime = false, ...request }:
    & Partial<BuildRequest>
    & { host?: Target; hasOwnRuntime?: boolean } = {},
) {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("deno"), `#!/bin/sh\n${ANSWERS}\n${script}\n`, {
    mode: 0o755,
  });
  const deno = { path: folder.at("deno") };
  const building = buildPrograms({
    profile: "customer",
    targets: [HOST],
    out: folder.at("out"),
    ...request,
  }, {
    bundler: deno,
    compiler: deno,
    hasOwnRuntime,
    pinnedDeno: "0.0.0",
    note: () => {},
    host,
    modules: { kind: "sources", root: new URL("../..", import.meta.url) },
    source: {},
  });
  const result = await building.then((files) => ({ files }), (error) => ({ error }));
  const hasOut = (await lstatIfExists(folder.at("out"))) !== undefined;
  const out = hasOut ? namesIn(folder.at("out")) : undefined;
  const sums = await Deno.readTextFile(folder.at("out/SHA256SUMS")).catch(() => "");
  return { ...result, out, sums };
}

/** Writes what is behind `--output` as a program that is this script. */
const compiling = (program: string) =>
  `[ "$1" = compile ] || exit 0
   while [ "$1" != --output ]; do shift; done
   printf '#!/bin/sh\\n${program}\\n' > "$2"; chmod 755 "$2"`;

const FAULTS: [string, string, string, Target?][] = [
  [
    "sources that cannot be bundled",
    "echo 'error: Module not found' >&2; exit 1",
    "the sources cannot be bundled: Module not found",
  ],
  [
    "a program that cannot be compiled",
    `[ "$1" = bundle ] || { echo 'error: No space left on device' >&2; exit 1; }`,
    `${HOST} cannot be compiled: No space left on device`,
  ],
  [
    "a runtime that cannot be had",
    `[ "$1" = bundle ] || { echo 'error: Download failed of denort.zip' >&2; exit 1; }`,
    `no runtime for ${HOST}: deno compile could not download it; DENORT_BIN may name one (denort of the same release)`,
  ],
  [
    "a program of this machine's that does not start",
    compiling("echo error: wrong magic >&2; exit 1"),
    "the program does not start: wrong magic (is DENORT_BIN of the same release as Deno?)",
    HOST,
  ],
];

for (const [what, script, message, host] of FAULTS) {
  testWith([POSIX], `${what} is one clear line, and leaves no file behind`, async () => {
    const { error, out } = await build(script, host && { host }) as Failed;
    assertEquals([error.code, error.message], ["config.build", message]);
    assertEquals(out, []);
  });
}

/** Writes, in place of the program, whether its entry has this text. */
const looking = (text: string) =>
  `[ "$1" = compile ] || exit 0
   while [ "$1" != --output ]; do shift; done
   if grep -q '${text}' "$3"; then echo yes > "$2"; else echo no > "$2"; fi`;

for (const [strictRollback, answer] of [[true, "yes"], [false, "no"]] as const) {
  testWith([POSIX], `--strict-rollback is built in if it is given: ${answer}`, async () => {
    const { files } = await build(looking('"strictRollback":true'), {
      strictRollback,
    }) as { files: BuiltFile[] };
    const bytes = new TextEncoder().encode(`${answer}\n`);
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
    assertEquals(files.map(({ sha256 }) => sha256), [sum]);
  });
}

/** Whether the entry of a program that is built like this has the text. */
async function isBuiltIn(text: string, request: Partial<BuildRequest>): Promise<boolean> {
  const { files } = await build(looking(text), request) as { files: BuiltFile[] };
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("yes\n"));
  return files[0]!.sha256 === new Uint8Array(digest).toHex();
}

const POLICY = '"antiTamper":', CHILD = '"ipcPeer":"child"';

testWith(
  [POSIX],
  "only a program that knows its software serves that alone by default",
  async () => {
    assert(await isBuiltIn(CHILD, { softwarePath: "/opt/web" }));
    assert(!await isBuiltIn(CHILD, {}));
  },
);

testWith(
  [POSIX],
  "a program with an organization's key has a policy against tampering",
  async () => {
    await using folder = await temporaryFolder();
    const orgKeyPath = folder.at("org.pem");
    await Deno.writeTextFile(orgKeyPath, (await makeOrganization()).publicKeyPem);
    assert(await isBuiltIn(`${POLICY}"degrade"`, { orgKeyPath }));
    assert(await isBuiltIn(`${POLICY}"stop"`, { orgKeyPath, antiTamper: "stop" }));
    assert(!await isBuiltIn(POLICY, {}));
  },
);

testWith(
  [POSIX],
  "programs are listed with their checksums, by name",
  async () => {
    const { files, out, sums } = await build(compiling("exit 0"), {
      host: HOST,
      targets: [HOST, OTHER],
    }) as { files: BuiltFile[]; out: string[]; sums: string };
    const names = [HOST, OTHER].map((target) => `sentinel-${target}`);
    assertEquals(files.map(({ name }) => name), names);
    assertEquals(out, ["SHA256SUMS", ...names].sort());
    const program = new TextEncoder().encode("#!/bin/sh\nexit 0\n");
    const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", program)).toHex();
    for (const { bytes, sha256 } of files) assertEquals([bytes, sha256], [program.length, sum]);
    assertEquals(sums, names.sort().map((name) => `${sum}  ${name}\n`).join(""));
  },
);

testWith(
  [POSIX],
  "a program for another machine is not tried on this one",
  async () => {
    const { out } = await build(compiling("exit 1"), { host: HOST, targets: [OTHER] });
    assertEquals(out, ["SHA256SUMS", `sentinel-${OTHER}`]);
  },
);

testWith([POSIX], "a runtime of this machine's is for no other one", async () => {
  const request = { host: HOST, targets: [HOST, OTHER], hasOwnRuntime: true };
  const { error, out } = await build(compiling("exit 0"), request) as Failed;
  assertEquals(error.message, `DENORT_BIN is for this machine only (${HOST}), not ${OTHER}`);
  assertEquals(out, undefined);
});

for (
  const [path, isTaken] of [["/opt/app", true], ["C:\\app.exe", true], ["app", false]] as const
) {
  const verdict = isTaken ? "is" : "is not";
  testWith([POSIX], `${path} ${verdict} taken for software on a customer's machine`, async () => {
    const { error } = await build(compiling("exit 0"), { softwarePath: path }) as Partial<Failed>;
    const message = `--software must be an absolute path: current value is ${path}`;
    assertEquals(error?.message, isTaken ? undefined : message);
  });
}

testWith([POSIX], "an organization's key goes into the program in one spelling", async () => {
  await using folder = await temporaryFolder();
  const { publicKeyPem } = await makeOrganization();
  await Deno.writeTextFile(folder.at("key.pem"), publicKeyPem.replaceAll("\n", "\r\n"));
  // the last argument is the entry
  const keepEntry = `for entry; do :; done; cp "$entry" '${folder.at("entry.js")}'`;
  await build(`[ "$1" = bundle ] || { ${keepEntry}; }; ${compiling("exit 0")}`, {
    orgKeyPath: folder.at("key.pem"),
  });
  const entry = await Deno.readTextFile(folder.at("entry.js"));
  assert(entry.includes(JSON.stringify(publicKeyPem)), entry);
});

testWith([POSIX], "a key that is not there ends a build before anything is made", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("none");
  const { error, out } = await build("exit 0", { orgKeyPath: path }) as Failed;
  assertEquals(error.message, `organization key cannot be read: ${path} (not found)`);
  assertEquals(out, undefined);
});

testWith(
  [POSIX],
  "new checksums replace old ones of the same name, and other lines are dropped",
  async () => {
    await using folder = await temporaryFolder();
    const [one, two] = ["1".repeat(64), "2".repeat(64)];
    const name = `sentinel-${HOST}`;
    await Deno.writeTextFile(
      folder.at("SHA256SUMS"),
      `# made by hand\n${two}  ${name}\n${one} *one\n${one.slice(1)}  short\n${one}\n\n`,
    );
    const { files } = await build(compiling("exit 0"), { out: folder.path }) as {
      files: BuiltFile[];
    };
    const sums = await Deno.readTextFile(folder.at("SHA256SUMS"));
    assertEquals(sums, `${one}  one\n${files[0]!.sha256}  ${name}\n`);
  },
);

testWith([POSIX], "checksums that cannot be written are one clear line", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("SHA256SUMS"));
  const { error } = await build(compiling("exit 0"), { out: folder.path }) as Failed;
  assertEquals(error.code, "config.build");
  const message = `checksums cannot be written to ${folder.at("SHA256SUMS")}: `;
  assertStringIncludes(error.message, message);
});

testWith([POSIX], "a file where programs are to go is one clear line", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("file");
  await Deno.writeTextFile(path, "");
  const { error } = await build("exit 0", { out: path }) as Failed;
  assertEquals(error.code, "config.build");
  assertStringIncludes(error.message, `programs cannot be written to ${path}: `);
});
