// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { POSIX, testWith } from "../support/requirements.ts";
import { assertSecret, SigningHarness } from "../support/signing_harness.ts";

const PROGRAMS = ["sentinel-aarch64-pc-windows-msvc.exe", "sentinel-x86_64-pc-windows-msvc.exe"];
const SECRETS = {
  WINDOWS_CERTIFICATE: btoa("a certificate"),
  WINDOWS_CERTIFICATE_PASSWORD: 'pässword "日本"',
};

/** Programs to sign, and a PowerShell that keeps what it reads. */
async function makeHarness(body = 'cat >"$log.input"; echo signed'): Promise<SigningHarness> {
  const harness = await SigningHarness.make("sign:windows", [...PROGRAMS, "SHA256SUMS"]);
  await harness.tools.write("pwsh", body);
  return harness;
}

testWith(
  [POSIX],
  "one PowerShell signs all programs for Windows, and reads the secrets",
  async () => {
    await using harness = await makeHarness();
    const result = await harness.run(SECRETS);
    assertEquals([result.code, result.stderr], [0, ""]);
    assertMatch(result.stdout, /\nsigned\n$/);
    const [call, ...more] = harness.tools.calls("pwsh");
    assertEquals([call!.slice(0, 3), more], [["-NoProfile", "-NonInteractive", "-Command"], []]);
    const input = harness.tools.input("pwsh");
    assertEquals(JSON.parse(input), {
      certificate: SECRETS.WINDOWS_CERTIFICATE,
      password: SECRETS.WINDOWS_CERTIFICATE_PASSWORD,
      programs: PROGRAMS.map((name) => harness.folder.at(`dist/${name}`)),
    });
    assertMatch(input, /^[ -~]+$/, "a code page may change other characters");
    assertSecret(Object.values(SECRETS), { result, harness, tools: ["pwsh"] });
  },
);

testWith([POSIX], "a PowerShell that fails before it has read everything is an error", async () => {
  await using harness = await makeHarness("exit 5");
  const { code, stderr } = await harness.run({
    ...SECRETS,
    WINDOWS_CERTIFICATE: btoa("x".repeat(60_000)),
  });
  assertEquals([code, stderr], [2, "sign_windows: error: pwsh -NoProfile failed with status 5\n"]);
});

testWith(
  [POSIX],
  "a dry run for Windows prints the command without its secrets and runs nothing",
  async () => {
    await using harness = await makeHarness();
    for (const identity of [{}, SECRETS]) {
      const result = await harness.run(identity, ["--dry-run", harness.folder.at("dist")]);
      assertEquals(result.code, 0);
      assert(result.stdout.startsWith("pwsh -NoProfile -NonInteractive -Command '"));
      assertMatch(
        result.stdout,
        /Set-AuthenticodeSignature[^]*"certificate":"\*\*\*","password":"\*\*\*"/,
      );
      assertSecret(Object.values(SECRETS), { result, harness, tools: [] });
    }
    assertEquals(harness.tools.calls("pwsh"), []);
  },
);

testWith(
  [POSIX],
  "without its variables nothing is signed for Windows, and the log says so",
  async () => {
    await using harness = await makeHarness();
    const { code, stdout } = await harness.run({});
    assertEquals(code, 0);
    assertMatch(
      stdout,
      /^::notice::not signed for Windows: WINDOWS_CERTIFICATE, .* are not set\n$/,
    );
  },
);

testWith(
  [POSIX],
  "sign_windows names the secret that is missing, or that is not base64",
  async () => {
    await using harness = await makeHarness();
    const { WINDOWS_CERTIFICATE_PASSWORD: password, WINDOWS_CERTIFICATE: certificate } = SECRETS;
    const faults = [
      await harness.run({ WINDOWS_CERTIFICATE_PASSWORD: password }),
      await harness.run({ WINDOWS_CERTIFICATE: certificate }),
      await harness.run({ ...SECRETS, WINDOWS_CERTIFICATE: "%" }),
    ];
    assertEquals(faults.map(({ code, stderr }) => [code, stderr]), [
      [2, "sign_windows: error: missing: WINDOWS_CERTIFICATE\n"],
      [2, "sign_windows: error: missing: WINDOWS_CERTIFICATE_PASSWORD\n"],
      [2, "sign_windows: error: WINDOWS_CERTIFICATE is not base64\n"],
    ]);
  },
);
