// Not on Windows: it ends programs by POSIX signals.
// Compiled as well: it opens files, libraries and sockets with the permissions it was compiled with.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { makeCertificate } from "../support/certificate.ts";
import { answerPayload, serveAnswers, signedAnswer } from "../support/license_server.ts";
import { makeOrganization, type Organization, standardPayload } from "../support/organization.ts";
import { type ProgramResult, runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const OPENSSL = [needsProgram("openssl")];

interface Fixture {
  readonly folder: TemporaryFolder;
  readonly organization: Organization;
}

async function run(
  { folder, organization }: Fixture,
  { url, args = [], env = {} }: { url: string; args?: string[]; env?: Record<string, string> },
): Promise<ProgramResult> {
  await Deno.writeTextFile(folder.at("org.pem"), organization.publicKeyPem);
  const license = await organization.license(standardPayload({ server_url: url }));
  await Deno.writeTextFile(folder.at("a.lic"), license);
  return await runProgram([
    ...["run", "--license", folder.at("a.lic"), "--org-key", folder.at("org.pem")],
    ...["--state-dir", folder.at("state"), "--software", "/bin/true"],
    ...["--log-level", "warn", ...args],
  ], { env: { XDG_RUNTIME_DIR: folder.path, XDG_STATE_HOME: folder.path, ...env } });
}

testWith(
  OPENSSL,
  "a server with the vendor's own certificate is trusted only by --ca-file",
  async () => {
    await using folder = await temporaryFolder();
    const harness = { folder, organization: await makeOrganization() };
    const tls = await makeCertificate(folder);
    await using server = serveAnswers(
      (request) => signedAnswer(harness.organization, answerPayload(request)),
      tls,
    );
    const stranger = await run(harness, { url: server.url });
    assertEquals(stranger.code, 82);
    assertStringIncludes(
      stranger.stderr,
      "server unreachable (TLS: the certificate's issuer is not trusted, --ca-file can name it)",
    );
    const args = ["--ca-file", folder.at("ca.pem")];
    const trusted = await run(harness, { url: server.url, args });
    assertEquals(trusted, { code: 0, stdout: "", stderr: "" });
  },
);

for (
  const [what, content, line] of [
    ["is not there", undefined, "CA file cannot be read: PATH (not found)"],
    ["holds no certificate", "hello", "CA file has no certificate (PEM): PATH"],
    [
      "holds a broken one",
      "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
      "CA file has no certificate (PEM): PATH",
    ],
  ] as const
) {
  Deno.test(`a CA file that ${what} is one clear line`, async () => {
    await using folder = await temporaryFolder();
    const harness = { folder, organization: await makeOrganization() };
    if (content !== undefined) await Deno.writeTextFile(folder.at("ca"), content);
    const args = ["--ca-file", folder.at("ca")];
    const { code, stderr } = await run(harness, { url: "http://127.0.0.1:9", args });
    const message = `sentinel: error: ${line.replace("PATH", folder.at("ca"))}\n`;
    assertEquals({ code, stderr }, { code: 2, stderr: message });
  });
}

Deno.test("requests go to a proxy, unless NO_PROXY excludes the server", async () => {
  await using folder = await temporaryFolder();
  const harness = { folder, organization: await makeOrganization() };
  await using proxy = serveAnswers((request) =>
    signedAnswer(harness.organization, answerPayload(request))
  );
  const url = "http://licenses.invalid";
  const env = { HTTP_PROXY: proxy.url, http_proxy: proxy.url };
  const through = await run(harness, { url, env });
  assertEquals(through, { code: 0, stdout: "", stderr: "" });
  assertEquals(proxy.requests.map(({ headers }) => headers.get("host")), [
    "licenses.invalid",
    "licenses.invalid",
  ]);
  const direct = await run(harness, { url, env: { ...env, NO_PROXY: "licenses.invalid" } });
  assertStringIncludes(direct.stderr, "Server unreachable");
  assertEquals(proxy.requests.length, 2);
});

testWith(OPENSSL, "HTTPS_PROXY is honored, with a CA file, too", async () => {
  await using folder = await temporaryFolder();
  const harness = { folder, organization: await makeOrganization() };
  await makeCertificate(folder);
  const seen: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    for await (using connection of listener) {
      const buffer = new Uint8Array(1024);
      const length = await connection.read(buffer);
      seen.push(new TextDecoder().decode(buffer.subarray(0, length ?? 0)));
    }
  })();
  const proxy = `http://127.0.0.1:${listener.addr.port}`;
  const { code } = await run(harness, {
    url: "https://licenses.invalid",
    args: ["--ca-file", folder.at("ca.pem")],
    // the runtime's own look for a newer version would go there first
    env: { HTTPS_PROXY: proxy, https_proxy: proxy, DENO_NO_UPDATE_CHECK: "1" },
  });
  listener.close();
  await serving;
  assertEquals(code, 82);
  assertStringIncludes(String(seen[0]), "CONNECT licenses.invalid:443 HTTP/1.1");
});
