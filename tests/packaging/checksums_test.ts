// Not on Windows: ssh-keygen makes the keys.
import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { readSignKey, writeChecksums } from "../../src/packaging/checksums.ts";
import { BuildError } from "../../src/packaging/run_deno.ts";
import { lstatIfExists } from "../../src/core/files.ts";
import { resultOf } from "../support/program.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const SSH_KEYGEN = needsProgram("ssh-keygen");

async function createKey(
  folder: TemporaryFolder,
  { type = "ed25519", passphrase = "" } = {},
): Promise<string> {
  const args = ["-q", "-t", type, "-N", passphrase, "-f", folder.at("key")];
  assertEquals((await resultOf("ssh-keygen", { args })).code, 0);
  return folder.at("key");
}

const FILES = [{ name: "sentinel", sha256: "0".repeat(64) }];

testWith([SSH_KEYGEN], "a signature of SHA256SUMS is the one that ssh-keygen makes", async () => {
  await using folder = await temporaryFolder();
  const log = new RecordingLog();
  const sign = await readSignKey(await createKey(folder), log);
  assertEquals(log.lines(), []);
  await writeChecksums(folder.path, { files: FILES, sign });
  const ours = await Deno.readTextFile(folder.at("SHA256SUMS.sig"));
  await Deno.remove(folder.at("SHA256SUMS.sig"));
  const args = ["-q", "-Y", "sign", "-n", "file", "-f", folder.at("key"), folder.at("SHA256SUMS")];
  assertEquals((await resultOf("ssh-keygen", { args })).code, 0);
  assertEquals(ours, await Deno.readTextFile(folder.at("SHA256SUMS.sig")));
});

Deno.test("a new list without a key removes the old signature", async () => {
  await using folder = await temporaryFolder();
  const path = folder.at("SHA256SUMS.sig");
  await writeChecksums(folder.path, { files: FILES, sign: () => Promise.resolve("signature\n") });
  assertEquals(await Deno.readTextFile(path), "signature\n");
  await writeChecksums(folder.path, { files: FILES, sign: undefined });
  assertEquals(await lstatIfExists(path), undefined);
});

testWith([SSH_KEYGEN], "a key that others may read is a warning", async () => {
  await using folder = await temporaryFolder();
  await Deno.chmod(await createKey(folder), 0o644);
  const log = new RecordingLog();
  await readSignKey(folder.at("key"), log);
  assertMatch(log.lines()[0]!, /^warn key file can be read by others: .*key has mode 0644/);
});

const UNUSABLE: [string, (folder: TemporaryFolder) => Promise<string>, string][] = [
  ["with a passphrase", (folder) => createKey(folder, { passphrase: "12345" }), "has a passphrase"],
  ["of another type", (folder) => createKey(folder, { type: "ecdsa" }), "is not an Ed25519"],
  ["that is public", async (folder) => `${await createKey(folder)}.pub`, "is not an Ed25519"],
];

for (const [what, makePath, why] of UNUSABLE) {
  testWith([SSH_KEYGEN], `a key ${what} is one clear line`, async () => {
    await using folder = await temporaryFolder();
    const path = await makePath(folder);
    const error = await assertRejects(() => readSignKey(path, new RecordingLog()), BuildError);
    assertStringIncludes(error.message, `${path} ${why}`);
  });
}

Deno.test("a damaged key is one clear line", async () => {
  await using folder = await temporaryFolder();
  const bytes = new TextEncoder().encode("openssh-key-v1\0\0\0\0\x04none\0\0\xff\xff");
  const text =
    `-----BEGIN OPENSSH PRIVATE KEY-----\n${bytes.toBase64()}\n-----END OPENSSH PRIVATE KEY-----\n`;
  await Deno.writeTextFile(folder.at("key"), text, { mode: 0o600 });
  await assertRejects(
    () => readSignKey(folder.at("key"), new RecordingLog()),
    BuildError,
    "is not an Ed25519 private key of ssh-keygen",
  );
});
