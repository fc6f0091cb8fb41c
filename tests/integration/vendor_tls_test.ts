// Not on Windows: it ends programs by POSIX signals.
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { ACTIVATE_PATH } from "../../src/activation/messages.ts";
import { makeCertificate } from "../support/certificate.ts";
import { PINNED_RUNTIME, runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { TestAuthority } from "../support/test_authority.ts";
import { activateBody, makeMachine, signedBy } from "../support/test_machine.ts";
import { setUpVendor } from "../support/vendor_setup.ts";
import { readAnswer } from "../support/wire_answer.ts";

const OPENSSL = needsProgram("openssl");

testWith([OPENSSL], "vendor serve serves HTTPS to clients that trust its certificate", async () => {
  await using folder = await temporaryFolder();
  const vendor = await setUpVendor(folder.path);
  const { cert } = await makeCertificate(folder);
  const files = ["--tls-cert", folder.at("ca.pem"), "--tls-key", folder.at("tls.key")];
  await using server = await vendor.serve(...files);
  assertMatch(server.url, /^https:\/\/127\.0\.0\.1:\d+$/);
  const machine = await makeMachine();
  const { path, headers, body } = await signedBy(machine, ACTIVATE_PATH, {
    body: activateBody(machine, "K1"),
  });
  const init = { method: "POST", headers, body };
  await assertRejects(() => fetch(server.url + path, init), TypeError);
  using client = Deno.createHttpClient({ caCerts: [cert] });
  const response = await fetch(server.url + path, { ...init, client });
  assertEquals((await readAnswer(response, vendor.verify)).payload["status"], "ACTIVE");
  assertEquals((await server.stop("SIGTERM")).code, 0);
});

testWith(
  [OPENSSL, PINNED_RUNTIME],
  "vendor serve says that its certificate has expired, and that others may read its TLS key",
  async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    const authority = await TestAuthority.create(folder.at("ca"));
    const { certificate, key } = await authority.issue("ended", {
      ...{ subject: "/CN=127.0.0.1", usage: "serverAuth", names: "IP:127.0.0.1" },
      ...{ from: "20200101000000Z", to: "20200102000000Z" },
    });
    await Deno.chmod(key, 0o644);
    await using server = await vendor.serve("--tls-cert", certificate, "--tls-key", key);
    const { stderr } = await server.stop("SIGTERM");
    assertStringIncludes(
      stderr,
      `WARNING: TLS key file can be read by others: ${key} has mode 0644 (chmod 600 it)\n`,
    );
    assertStringIncludes(
      stderr,
      `WARNING: certificate expired at 2020-01-02T00:00:00.000Z: renew it (${certificate})\n`,
    );
  },
);

testWith(
  [OPENSSL],
  "a certificate with another's key, or none at all, is one clear line",
  async () => {
    await using folder = await temporaryFolder();
    const vendor = await setUpVendor(folder.path);
    await makeCertificate(folder);
    const certificate = folder.at("ca.pem"), key = folder.at("tls.key");
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
      /^sentinel: error: certificate and key do not belong together\n$/,
    );
    assertMatch(
      await serve("--tls-cert", vendor.publicKeyPath, "--tls-key", key),
      /^sentinel: error: certificate cannot be used: .+\n$/,
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
