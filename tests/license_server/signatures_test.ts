import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { openSignatures, WEB_CRYPTO } from "../../src/license_server/signatures.ts";
import { RecordingLog } from "../support/recording_log.ts";

class FakeOpenSsl implements Disposable {
  readonly name = "OpenSSL 9.9.9";
  readonly importSigner = WEB_CRYPTO.importSigner;
  readonly importVerifier = WEB_CRYPTO.importVerifier;
  isClosed = false;

  [Symbol.dispose](): void {
    this.isClosed = true;
  }
}

function fakeSource({ fault, agrees = true }: { fault?: Error; agrees?: boolean }) {
  const openSsl = new FakeOpenSsl();
  return {
    openSsl,
    open: () => fault === undefined ? Promise.resolve(openSsl) : Promise.reject(fault),
    check: () => Promise.resolve(agrees),
  };
}

const MISSING = new Error("Cannot load SHA256: tried libcrypto.so.3");

Deno.test("OpenSSL is used if it agrees with WebCrypto", async () => {
  for (const choice of ["auto", "openssl"] as const) {
    const log = new RecordingLog(), source = fakeSource({});
    using signatures = await openSignatures(choice, { log, source });
    assertStrictEquals(signatures, source.openSsl);
    assertEquals(log.lines("debug"), []);
  }
});

Deno.test("WebCrypto is used if it is asked for, or OpenSSL is missing or wrong", async () => {
  const cases = [
    ["webcrypto", {}, "WebCrypto", []],
    ["auto", { fault: MISSING }, "WebCrypto, as libcrypto is not installed", []],
    [
      "auto",
      { fault: new Deno.errors.NotCapable("ffi") },
      "WebCrypto, as the program may not open libraries",
      [],
    ],
    ["auto", { agrees: false }, "WebCrypto", [
      "warn signatures by WebCrypto: OpenSSL 9.9.9 and WebCrypto disagree about signatures",
    ]],
  ] as const;
  for (const [choice, what, name, lines] of cases) {
    const log = new RecordingLog(), source = fakeSource(what);
    using signatures = await openSignatures(choice, { log, source });
    assertStrictEquals(signatures.importSigner, WEB_CRYPTO.importSigner);
    assertEquals(signatures.name, name);
    assertEquals(log.lines("debug"), [...lines]);
    assertEquals(source.openSsl.isClosed, "agrees" in what);
  }
});

Deno.test("OpenSSL that is asked for and cannot be used is an error", async () => {
  const cases = [
    [{ fault: MISSING }, "libcrypto is not installed"],
    [{ fault: new Deno.errors.NotCapable("ffi") }, "the program may not open libraries"],
    [{ agrees: false }, "OpenSSL 9.9.9 and WebCrypto disagree about signatures"],
  ] as const;
  for (const [what, why] of cases) {
    const source = fakeSource(what);
    const opening = openSignatures("openssl", { log: new RecordingLog(), source });
    const error = await assertRejects(() => opening, SentinelError);
    assertEquals([error.code, error.message], ["config.crypto", `OpenSSL cannot be used: ${why}`]);
  }
});
