// Not on Windows: it is about the sources, which are the same there.
import { assertEquals, assertMatch } from "@std/assert";
import { POSIX, testWith } from "../support/requirements.ts";
import { assertSecret, SigningHarness } from "../support/signing_harness.ts";

const PROGRAMS = ["sentinel-aarch64-apple-darwin", "sentinel-x86_64-apple-darwin"];
const OTHERS = ["sentinel-x86_64-unknown-linux-gnu", "SHA256SUMS"];
const TOOLS = ["security", "codesign", "zip", "xcrun"];

const SECRETS = {
  MACOS_CERTIFICATE: btoa("a certificate"),
  MACOS_CERTIFICATE_PASSWORD: 'pass "word" \\ it\'s',
  MACOS_NOTARY_KEY: btoa("a notary's key"),
};
const IDENTITY = {
  ...SECRETS,
  MACOS_IDENTITY: "Developer ID Application: Acme (TEAM)",
  MACOS_NOTARY_KEY_ID: "KEYID",
  MACOS_NOTARY_ISSUER: "ISSUER",
};

interface Answers {
  readonly identity?: string;
  readonly status?: string;
  readonly codesignFails?: boolean;
}

/** Programs to sign, and tools that answer as they do on a Mac. */
async function makeHarness(
  { identity = IDENTITY.MACOS_IDENTITY, status = "Accepted", codesignFails = false }: Answers = {},
): Promise<SigningHarness> {
  const harness = await SigningHarness.make("sign:macos", [...PROGRAMS, ...OTHERS]);
  await harness.tools.write(
    "security",
    `case $1 in
      -i) cat >>"$log.input" ;;
      find-identity) echo '  1) 0123 "${identity}"' ;;
    esac`,
  );
  await harness.tools.write(
    "codesign",
    codesignFails ? "exit 3" : "",
  );
  await harness.tools.write("zip");
  await harness.tools.write("xcrun", `echo '{"id":"ID","status":"${status}"}'`);
  return harness;
}

testWith(
  [POSIX],
  "each program for macOS is signed and verified, then all are notarized at once",
  async () => {
    await using harness = await makeHarness();
    const result = await harness.run(IDENTITY);
    assertEquals([result.code, result.stderr], [0, ""]);
    const programs = PROGRAMS.map((name) => harness.folder.at(`dist/${name}`));
    const signed = harness.tools.calls("codesign").map((args) => [args[0], args.at(-1)]);
    assertEquals(signed, programs.flatMap((path) => [["--force", path], ["--verify", path]]));
    const [archive, ...archives] = harness.tools.calls("zip");
    assertEquals([archive!.slice(3), archives], [programs, []]);
    const [submitted, ...more] = harness.tools.calls("xcrun");
    assertEquals([submitted!.slice(0, 3), more], [["notarytool", "submit", archive![2]!], []]);
  },
);

testWith([POSIX], "secrets for macOS are in no argument, variable or line of the log", async () => {
  await using harness = await makeHarness();
  const result = await harness.run(IDENTITY);
  assertSecret(Object.values(SECRETS), { result, harness, tools: TOOLS });
  const commands = harness.tools.input("security").trim().split("\n");
  assertEquals(commands.map((line) => line.split(" ")[0]), [
    ...["create-keychain", "unlock-keychain", "import", "set-key-partition-list"],
  ]);
  assertMatch(commands[2]!, / -P "pass \\"word\\" \\\\ it's" -T \/usr\/bin\/codesign$/);
  const [, own] = / -p "([0-9a-f]{48})"/.exec(commands[0]!)!;
  assertSecret([own!], { result, harness, tools: TOOLS });
});

testWith(
  [POSIX],
  "the keychain is deleted and no file is left, even if signing fails",
  async () => {
    for (const codesignFails of [false, true]) {
      await using harness = await makeHarness({ codesignFails });
      const { code, stderr } = await harness.run(IDENTITY);
      const expected = codesignFails
        ? [2, "sign_macos: error: codesign --force failed with status 3\n"]
        : [0, ""];
      assertEquals([code, stderr], expected);
      assertEquals(harness.tools.calls("security").at(-1)![0], "delete-keychain");
      assertEquals(harness.leftBehind(), []);
    }
  },
);

testWith(
  [POSIX],
  "a rejection by Apple is an error, with Apple's log, although the tool exits with 0",
  async () => {
    await using harness = await makeHarness({ status: "Invalid" });
    const { code, stderr } = await harness.run(IDENTITY);
    assertEquals([code, stderr], [
      2,
      "sign_macos: error: Apple did not notarize the programs: Invalid\n",
    ]);
    assertEquals(harness.tools.calls("xcrun").at(-1)!.slice(0, 3), ["notarytool", "log", "ID"]);
  },
);

testWith([POSIX], "a certificate of another identity is refused", async () => {
  await using harness = await makeHarness({ identity: "Apple Development: Acme" });
  const { code, stderr } = await harness.run(IDENTITY);
  assertEquals(code, 2);
  assertMatch(stderr, /MACOS_CERTIFICATE has no valid identity named MACOS_IDENTITY/);
  assertEquals(harness.tools.calls("codesign"), []);
});

testWith(
  [POSIX],
  "a dry run for macOS prints the commands without an identity and runs none",
  async () => {
    await using harness = await makeHarness();
    const { code, stdout } = await harness.run({}, ["--dry-run", harness.folder.at("dist")]);
    assertEquals(code, 0);
    const programs = stdout.trim().split("\n").map((line) => line.split(" ").slice(0, 2).join(" "));
    assertEquals(programs, [
      ...["security -i", "security set-keychain-settings", "security -i", "security -i"],
      ...["security -i", "security list-keychains", "security find-identity"],
      ...["codesign --force", "codesign --verify", "codesign --force", "codesign --verify"],
      ...["zip --quiet", "xcrun notarytool", "security delete-keychain"],
    ]);
    assertEquals(harness.tools.calls("security"), []);
  },
);

testWith([POSIX], "a dry run for macOS shows no secret", async () => {
  await using harness = await makeHarness();
  const result = await harness.run(IDENTITY, ["--dry-run", harness.folder.at("dist")]);
  assertMatch(result.stdout, /import .* -P \*\*\* /);
  assertMatch(result.stdout, /--sign 'Developer ID Application: Acme \(TEAM\)'/);
  assertSecret(Object.values(SECRETS), { result, harness, tools: [] });
});

testWith(
  [POSIX],
  "without any of its variables nothing is signed for macOS, and the log says so",
  async () => {
    await using harness = await makeHarness();
    const { code, stdout } = await harness.run({ MACOS_CERTIFICATE: "" });
    assertEquals(code, 0);
    assertMatch(stdout, /^::notice::not signed for macOS: MACOS_CERTIFICATE, .* are not set\n$/);
    assertEquals(harness.tools.calls("security"), []);
  },
);

const { MACOS_NOTARY_KEY: _, ...INCOMPLETE } = IDENTITY;
const MISTAKES: readonly [string, Record<string, string>, string[] | undefined, string][] = [
  ["a secret that is missing", INCOMPLETE, undefined, "missing: MACOS_NOTARY_KEY"],
  [
    "what is not base64",
    { ...IDENTITY, MACOS_NOTARY_KEY: "a b%" },
    undefined,
    "MACOS_NOTARY_KEY is not base64",
  ],
  [
    "a folder without programs",
    IDENTITY,
    ["docs/decisions"],
    "no programs *-apple-darwin in docs/decisions",
  ],
  ["a folder that is not there", IDENTITY, ["nowhere"], "no programs *-apple-darwin in nowhere"],
  ["no folder", IDENTITY, [], "exactly one FOLDER is required"],
  ["an option that there is none of", IDENTITY, ["--fast"], "unexpected argument: --fast"],
];

for (const [what, env, args, message] of MISTAKES) {
  testWith([POSIX], `sign_macos says in one line what is wrong with ${what}`, async () => {
    await using harness = await makeHarness();
    const { code, stderr } = await harness.run(env, args);
    assertEquals([code, stderr], [2, `sign_macos: error: ${message}\n`]);
    assertEquals(harness.leftBehind(), []);
  });
}

testWith([POSIX], "sign_macos says in one line that a tool is not installed", async () => {
  await using harness = await SigningHarness.make("sign:macos", PROGRAMS);
  const { code, stderr } = await harness.run({ ...IDENTITY, PATH: harness.tools.folder });
  assertEquals([code, stderr], [2, "sign_macos: error: security is not installed\n"]);
  assertEquals(harness.leftBehind(), []);
});
