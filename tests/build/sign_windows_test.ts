// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { POSIX, testWith } from "../support/requirements.ts";
import { assertSecret, SigningScene } from "../support/signing_scene.ts";

const PROGRAMS = ["sentinel-aarch64-pc-windows-msvc.exe", "sentinel-x86_64-pc-windows-msvc.exe"];
const SECRETS = {
  WINDOWS_CERTIFICATE: btoa("a certificate"),
  WINDOWS_CERTIFICATE_PASSWORD: 'pässword "日本"',
};

/** Programs to sign, and a PowerShell that keeps what it reads. */
async function makeScene(body = 'cat >"$log.input"; echo signed'): Promise<SigningScene> {
  const scene = await SigningScene.make("sign:windows", [...PROGRAMS, "SHA256SUMS"]);
  await scene.tools.write("pwsh", body);
  return scene;
}

testWith(
  [POSIX],
  "one PowerShell signs all programs for Windows, and reads the secrets",
  async () => {
    await using scene = await makeScene();
    const result = await scene.run(SECRETS);
    assertEquals([result.code, result.stderr], [0, ""]);
    assertMatch(result.stdout, /\nsigned\n$/);
    const [call, ...more] = scene.tools.calls("pwsh");
    assertEquals([call!.slice(0, 3), more], [["-NoProfile", "-NonInteractive", "-Command"], []]);
    const input = scene.tools.input("pwsh");
    assertEquals(JSON.parse(input), {
      certificate: SECRETS.WINDOWS_CERTIFICATE,
      password: SECRETS.WINDOWS_CERTIFICATE_PASSWORD,
      programs: PROGRAMS.map((name) => scene.folder.at(`dist/${name}`)),
    });
    assertMatch(input, /^[ -~]+$/, "a code page may change other characters");
    assertSecret(Object.values(SECRETS), { result, scene, tools: ["pwsh"] });
  },
);

testWith([POSIX], "a PowerShell that fails before it has read everything is an error", async () => {
  await using scene = await makeScene("exit 5");
  const { code, stderr } = await scene.run({
    ...SECRETS,
    WINDOWS_CERTIFICATE: btoa("x".repeat(60_000)),
  });
  assertEquals([code, stderr], [2, "sign_windows: error: pwsh -NoProfile failed with status 5\n"]);
});

testWith(
  [POSIX],
  "a dry run for Windows prints the command without its secrets and runs nothing",
  async () => {
    await using scene = await makeScene();
    for (const identity of [{}, SECRETS]) {
      const result = await scene.run(identity, ["--dry-run", scene.folder.at("dist")]);
      assertEquals(result.code, 0);
      assert(result.stdout.startsWith("pwsh -NoProfile -NonInteractive -Command '"));
      assertMatch(
        result.stdout,
        /Set-AuthenticodeSignature[^]*"certificate":"\*\*\*","password":"\*\*\*"/,
      );
      assertSecret(Object.values(SECRETS), { result, scene, tools: [] });
    }
    assertEquals(scene.tools.calls("pwsh"), []);
  },
);

testWith(
  [POSIX],
  "without its variables nothing is signed for Windows, and the log says so",
  async () => {
    await using scene = await makeScene();
    const { code, stdout } = await scene.run({});
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
    await using scene = await makeScene();
    const { WINDOWS_CERTIFICATE_PASSWORD: password, WINDOWS_CERTIFICATE: certificate } = SECRETS;
    const faults = [
      await scene.run({ WINDOWS_CERTIFICATE_PASSWORD: password }),
      await scene.run({ WINDOWS_CERTIFICATE: certificate }),
      await scene.run({ ...SECRETS, WINDOWS_CERTIFICATE: "%" }),
    ];
    assertEquals(faults.map(({ code, stderr }) => [code, stderr]), [
      [2, "sign_windows: error: missing: WINDOWS_CERTIFICATE\n"],
      [2, "sign_windows: error: missing: WINDOWS_CERTIFICATE_PASSWORD\n"],
      [2, "sign_windows: error: WINDOWS_CERTIFICATE is not base64\n"],
    ]);
  },
);
