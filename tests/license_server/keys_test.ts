import { assertMode } from "../support/file_mode.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { SentinelError } from "../../src/core/errors.ts";
import { importPublicKeyPem, makeVerifier } from "../../src/signing/ecdsa.ts";
import { encodePem } from "../../src/signing/pem.ts";
import { makeOrganizationKey, readSigningKey } from "../../src/license_server/keys.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { resolve } from "../../src/core/paths.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

Deno.test(
  "makeOrganizationKey() writes a matching pair, whose private key only the owner can read",
  async () => {
    await using folder = await temporaryFolder();
    const { privateKeyPath, publicKeyPath } = await makeOrganizationKey(folder.at("a/keys"));
    await assertMode(privateKeyPath, 0o600);
    const log = new RecordingLog();
    const sign = await readSigningKey(privateKeyPath, log);
    const key = await importPublicKeyPem(await Deno.readTextFile(publicKeyPath));
    const data = new Uint8Array([1, 2, 3]);
    assert(await makeVerifier(key!)(data, await sign(data)));
    assertEquals(log.lines("debug"), []);
  },
);

for (const existing of ["org_private_key.pem", "org_public_key.pem"]) {
  Deno.test(
    `makeOrganizationKey() refuses to overwrite ${existing} and writes neither`,
    async () => {
      await using folder = await temporaryFolder();
      await Deno.writeTextFile(folder.at(existing), "mine");
      const error = await assertRejects(() => makeOrganizationKey(folder.path), SentinelError);
      assertEquals(error.message, `key file already exists: ${resolve(folder.at(existing))}`);
      assertEquals(await Deno.readTextFile(folder.at(existing)), "mine");
      assertEquals([...Deno.readDirSync(folder.path)].length, 1);
    },
  );
}

Deno.test("makeOrganizationKey() says where it cannot write", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  const error = await assertRejects(() => makeOrganizationKey(folder.at("file")), SentinelError);
  assertEquals(error.code, "config.key");
  assert(error.message.startsWith(`cannot write keys to ${folder.at("file")}: `), error.message);
});

for (const mode of [0o640, 0o604, 0o620]) {
  const bits = "0" + mode.toString(8);
  testWith([POSIX], `readSigningKey() warns of a key file with mode ${bits}`, async () => {
    await using folder = await temporaryFolder();
    const { privateKeyPath } = await makeOrganizationKey(folder.path);
    await Deno.chmod(privateKeyPath, mode);
    const log = new RecordingLog();
    await readSigningKey(privateKeyPath, log);
    assertEquals(log.lines("debug"), [
      `warn key file can be read by others: ${privateKeyPath} has mode ${bits} (chmod 600 it)`,
    ]);
  });
}

interface KeyCase {
  readonly name: string;
  readonly prepare: (path: string) => Promise<void>;
  readonly message: (path: string) => string;
}

const NOT_A_KEY = (path: string) => `${path} is not a P-256 private key (PEM, PKCS#8)`;

const KEY_CASES: readonly KeyCase[] = [
  {
    name: "a missing file",
    prepare: () => Promise.resolve(),
    message: (path) => `key file not found: ${path}`,
  },
  {
    name: "a folder",
    prepare: (path) => Deno.mkdir(path),
    message: (path) => `key file is a folder: ${path}`,
  },
  { name: "an empty file", prepare: (path) => Deno.writeTextFile(path, ""), message: NOT_A_KEY },
  {
    name: "bytes that are not text",
    prepare: (path) => Deno.writeFile(path, new Uint8Array([0xff, 0xfe])),
    message: (path) => `key file is not UTF-8 text: ${path}`,
  },
  {
    name: "a file of 1 MiB",
    prepare: (path) => Deno.writeTextFile(path, "A".repeat(1024 * 1024)),
    message: (path) => `key file is larger than 262144 bytes: ${path}`,
  },
  {
    name: "the public key",
    async prepare(path) {
      const { publicKeyPath } = await makeOrganizationKey(path + ".keys");
      await Deno.copyFile(publicKeyPath, path);
    },
    message: NOT_A_KEY,
  },
  {
    name: "a key of another curve",
    async prepare(path) {
      const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, [
        "sign",
      ]);
      const der = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
      await Deno.writeTextFile(path, encodePem(der, "PRIVATE KEY"));
    },
    message: NOT_A_KEY,
  },
];

for (const { name, prepare, message } of KEY_CASES) {
  Deno.test(`readSigningKey() refuses ${name}`, async () => {
    await using folder = await temporaryFolder();
    const path = folder.at("key.pem");
    await prepare(path);
    const error = await assertRejects(
      () => readSigningKey(path, new RecordingLog()),
      SentinelError,
    );
    assertEquals([error.code, error.message], ["config.key", message(path)]);
  });
}
