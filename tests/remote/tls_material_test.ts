// Not on Windows: the remote server is not held to it yet.
import { assertEquals, assertThrows } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { checkMaterial } from "../../src/remote/tls_material.ts";
import { RemoteServerFixture } from "../support/remote_server_fixture.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

testWith(
  [needsProgram("openssl")],
  "an unusable certificate, key or CA is reported",
  async () => {
    await using fixture = await RemoteServerFixture.open();
    const { tls } = await fixture.trust();
    const foreignKey = await Deno.readTextFile(fixture.files.control.key);
    checkMaterial(tls);
    for (
      const [change, message] of [
        [{ key: foreignKey }, /^certificate and key do not belong together$/],
        [{ key: "no key" }, /^key cannot be used: ./],
        [{ key: tls.certificate }, /^key cannot be used: ./],
        [{ certificate: "" }, /^certificate cannot be used: ./],
        [{ certificateAuthority: "no CA" }, /^CA cannot be used: ./],
      ] as const
    ) {
      const error = assertThrows(() => checkMaterial({ ...tls, ...change }), SentinelError);
      assertEquals([error.code, message.test(error.message)], ["config.tls", true], error.message);
    }
  },
);
