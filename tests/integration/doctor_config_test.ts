// Not on Windows: the software is a shell script.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals, assertMatch } from "@std/assert";
import { ConfiguredRun } from "../support/configured_run.ts";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, standardPayload } from "../support/organization.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { makeCertificate } from "../support/certificate.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("doctor examines what the configuration file names: license, server, state and socket", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", "exec true");
  await harness.configure("software", { tables: '[ipc]\npath = "runtime/own.sock"' });
  assertEquals((await harness.run()).code, 0);
  const args = ["doctor", "--config", harness.at("sentinel.toml")];
  const key = ["--org-key", harness.at("org_public_key.pem")];
  const env = { XDG_RUNTIME_DIR: harness.at("runtime") };
  const { code, stdout, stderr } = await runProgram([...args, ...key], { env });
  assertEquals({ code, stderr }, { code: 0, stderr: "" }, stdout);
  assertMatch(stdout, /^ok +license +.*K1/m);
  assertMatch(stdout, /^ok +state +machine .* seconds of grace left$/m);
  const socket = new RegExp(
    `^ok +socket +will be ${harness.at("runtime/own.sock")}; no sentinel runs$`,
    "m",
  );
  assertMatch(stdout, socket);

  // an option beats the file
  const elsewhere = await runProgram(
    [
      ...args,
      ...key,
      "--state-dir",
      harness.at("elsewhere"),
      "--server-url",
      "http://127.0.0.1:1",
    ],
    { env },
  );
  assertMatch(elsewhere.stdout, /^ok +state +none yet in .*\/elsewhere$/m);
  assertMatch(elsewhere.stdout, /^failed +tcp +127.0.0.1:1 cannot be reached/m);
});

Deno.test("doctor fails the line socket if the configured path is unusable", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.configure("software", { tables: '[ipc]\nlocation = "runtime"' });
  const { code, stdout } = await runProgram(
    [
      ...["doctor", "--config", harness.at("sentinel.toml")],
      ...["--org-key", harness.at("org_public_key.pem")],
    ],
    { env: { XDG_RUNTIME_DIR: "" } },
  );
  assertEquals(code, 2, stdout);
  assertMatch(stdout, /^failed +socket +XDG_RUNTIME_DIR not set — /m);
});

testWith(
  [needsProgram("openssl")],
  "doctor trusts a server with the vendor's own certificate only by --ca-file",
  async () => {
    await using folder = await temporaryFolder();
    const organization = await makeOrganization();
    await using server = serveAnswers(
      (request) => signedAnswer(organization, answerPayload(request)),
      await makeCertificate(folder),
    );
    await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
    const license = await organization.license(standardPayload({ server_url: server.url }));
    await Deno.writeTextFile(folder.at("a.lic"), license);
    const args = [
      ...["doctor", "--license", folder.at("a.lic"), "--org-key", folder.at("org.pem")],
      ...["--state-dir", folder.at("state")],
    ];
    const env = { XDG_RUNTIME_DIR: folder.path };
    const stranger = await runProgram(args, { env });
    assertEquals(stranger.code, 82);
    assertMatch(stranger.stdout, /^failed +tls +/m);
    const trusted = await runProgram([...args, "--ca-file", folder.at("ca.pem")], { env });
    assertEquals(trusted.code, 0, trusted.stdout);
    assertMatch(trusted.stdout, /^ok +tls +.*\n^ok +http +.*\n^ok +signature +/m);
  },
);
