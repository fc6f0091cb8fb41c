// Not on Windows: OpenSSL is used on Linux only.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { generateKeyPairDer } from "../../src/signing/ecdsa.ts";
import { agreesWithWebCrypto, OpenSsl } from "../../src/signing/openssl.ts";
import { encodePem } from "../../src/signing/pem.ts";
import { LIBCRYPTO } from "../support/libcrypto.ts";
import { runTool } from "../support/run_tool.ts";
import { testWith } from "../support/requirements.ts";

const FIXTURE = fromFileUrl(new URL("../fixtures/reopen_keys.ts", import.meta.url));

const DATA = new TextEncoder().encode("signed");

async function makeKey(openSsl: OpenSsl) {
  const { privateKey, publicKey } = await generateKeyPairDer();
  const pem = encodePem(publicKey, "PUBLIC KEY");
  return { pem, sign: (await openSsl.importSigner(privateKey))! };
}

testWith([LIBCRYPTO], "OpenSSL and WebCrypto accept each other's signatures", async () => {
  using openSsl = new OpenSsl();
  assertEquals(await agreesWithWebCrypto(openSsl), true);
  assert(/^OpenSSL [13]\.\d/.test(openSsl.name), openSsl.name);
});

testWith([LIBCRYPTO], "a verifier or signer that is wrong disagrees with WebCrypto", async () => {
  using openSsl = new OpenSsl();
  const another = await makeKey(openSsl);
  const wrong = {
    "accepts anything": { importVerifier: () => Promise.resolve(() => Promise.resolve(true)) },
    "accepts nothing": { importVerifier: () => Promise.resolve(() => Promise.resolve(false)) },
    "signs with another key": { importSigner: () => Promise.resolve(another.sign) },
    "opens no key": { importSigner: () => Promise.resolve(undefined) },
  };
  for (const [what, part] of Object.entries(wrong)) {
    const signatures = {
      importSigner: (der: Uint8Array<ArrayBuffer>) => openSsl.importSigner(der),
      importVerifier: (pem: string) => openSsl.importVerifier(pem),
      ...part,
    };
    assertEquals(await agreesWithWebCrypto(signatures), false, what);
  }
});

testWith([LIBCRYPTO], "a key that was closed to make room verifies again", async () => {
  using openSsl = new OpenSsl(1);
  const keys = await Promise.all([makeKey(openSsl), makeKey(openSsl), makeKey(openSsl)]);
  const verifiers = await Promise.all(keys.map(({ pem }) => openSsl.importVerifier(pem)));
  const signatures = await Promise.all(keys.map(({ sign }) => sign(DATA)));
  for (let round = 0; round < 3; round++) {
    const verified = verifiers.map((verify) =>
      Promise.all(signatures.map((signature) => verify!(DATA, signature)))
    );
    assertEquals(await Promise.all(verified), [
      [true, false, false],
      [false, true, false],
      [false, false, true],
    ]);
  }
});

testWith(
  [LIBCRYPTO],
  "keys that were closed and failed verifications leave no memory behind",
  async () => {
    // a process of its own, as other tests use memory, too
    const grown = await runTool(
      Deno.execPath(),
      ...["run", "--quiet", "--no-prompt", "--allow-ffi", "--allow-read", "--allow-sys", FIXTURE],
    );
    // a key and its context have some 3 KiB
    assert(Number(grown) < 6 * 1024 * 1024, `${grown} bytes more`);
  },
);

testWith([LIBCRYPTO], "what is not a key of P-256 is refused", async () => {
  using openSsl = new OpenSsl();
  const p384 = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, [
    "sign",
    "verify",
  ]);
  const spki = new Uint8Array(await crypto.subtle.exportKey("spki", p384.publicKey));
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey("pkcs8", p384.privateKey));
  assertEquals(await openSsl.importVerifier(encodePem(spki, "PUBLIC KEY")), undefined);
  assertEquals(await openSsl.importVerifier("no key"), undefined);
  assertEquals(await openSsl.importSigner(pkcs8), undefined);
  assertEquals(await openSsl.importSigner(new Uint8Array()), undefined);
});
