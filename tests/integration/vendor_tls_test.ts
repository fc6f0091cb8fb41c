import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ACTIVATE_PATH } from "../../src/activation/messages.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { TestAuthority } from "../support/test_authority.ts";
import { activateBody, makeMachine, signedBy } from "../support/test_machine.ts";
import { setUpVendor } from "../support/vendor_setup.ts";
import { readAnswer } from "../support/wire_answer.ts";

const OPENSSL = needsProgram("openssl");

/** A certificate for 127.0.0.1 that signs itself; gives the two options. */
async function makeCertificate(folder: string): Promise<string[]> {
  const certificate = `${folder}/tls.pem`, key = `${folder}/tls.key`;
  await runTool(
    "openssl",
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1"],
    ...["-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE"],
  );
  return ["--tls-cert", certificate, "--tls-key", key];
}

testWith([OPENSSL], "vendor serve speaks https to whoever trusts its certificate", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const options = await makeCertificate(folder.path);
  await using server = await vendor.serve(...options);
  assertMatch(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const machine = await makeMachine();
  const { path, headers, body } = await signedBy(machine, ACTIVATE_PATH, {
    body: activateBody(machine, "K1"),
  });
  const init = { method: "POST", headers, body };
  await assertRejects(() => fetch(server.url + path, init), TypeError);
  const caCerts = [await Deno.readTextFile(options[1]!)];
  using client = Deno.createHttpClient({ caCerts });
  const response = await fetch(server.url + path, { ...init, client });
  assertEquals((await readAnswer(response, vendor.verify)).payload["status"], "ACTIVE");
  assertEquals((await server.stop("SIGTERM")).code, 0);
});

testWith([OPENSSL], "vendor serve says that its certificate has ended", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const authority = await TestAuthority.create(folder.at("ca"));
  const { certificate, key } = await authority.issue("ended", {
    ...{ subject: "/CN=127.0.0.1", usage: "serverAuth", names: "IP:127.0.0.1" },
    ...{ from: "20200101000000Z", to: "20200102000000Z" },
  });
  await using server = await vendor.serve("--tls-cert", certificate, "--tls-key", key);
  const { stderr } = await server.stop("SIGTERM");
  assertStringIncludes(
    stderr,
    `WARNING: certificate ended at 2020-01-02T00:00:00.000Z: renew it (${certificate})\n`,
  );
});

testWith(
  [OPENSSL],
  "a certificate with another's key, or none at all, is one clear line",
  async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    const [, certificate = "", , key = ""] = await makeCertificate(folder.path);
    const serve = async (...tls: string[]) => {
      const { code, stdout, stderr } = await runProgram([
        ...["vendor", "serve", "--key", vendor.keyPath, "--database", vendor.database],
        ...["--port", "0", ...tls],
      ]);
      assertEquals([code, stdout], [2, ""]);
      return stderr;
    };
    assertMatch(
      await serve("--tls-cert", certificate, "--tls-key", vendor.keyPath),
      /^sentinel: error: certificate or key cannot be used: .+\n$/,
    );
    assertMatch(
      await serve("--tls-cert", vendor.publicKeyPath, "--tls-key", key),
      /^sentinel: error: certificate or key cannot be used: .+\n$/,
    );
    assertEquals(
      await serve("--tls-cert", `${folder.path}/none.pem`, "--tls-key", key),
      `sentinel: error: certificate file not found: ${folder.path}/none.pem\n`,
    );
    assertEquals(
      await serve("--tls-cert", certificate),
      "sentinel: error: --tls-cert and --tls-key must be given together\n",
    );
  },
);
