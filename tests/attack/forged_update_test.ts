// Not on Windows: it runs shell commands.
/**
 * The attacker controls the place from which a customer downloads updates, and puts a program of his own there. He can
 * change the checksums as well, but not sign them.
 */
import { assertEquals, assertNotEquals } from "@std/assert";
import { readSignKey, writeChecksums } from "../../src/packaging/checksums.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { resultOf } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

const NEEDS = [needsProgram("ssh-keygen"), needsProgram("sha256sum")];

const VERIFY = "ssh-keygen -Y verify -f allowed_signers -I vendor -n file -s SHA256SUMS.sig";

/** Whether the customer's checks pass (docs/UPDATES.md). */
async function accepts(folder: TemporaryFolder, { checksSignature = true } = {}): Promise<boolean> {
  const sums = "sha256sum --check --ignore-missing --strict SHA256SUMS";
  const check = checksSignature ? `${VERIFY} < SHA256SUMS && ${sums}` : sums;
  return (await resultOf("sh", { args: ["-euc", check], cwd: folder.path })).code === 0;
}

async function createKey(folder: TemporaryFolder, name: string): Promise<string> {
  const args = ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder.at(name)];
  assertEquals((await resultOf("ssh-keygen", { args })).code, 0);
  return folder.at(name);
}

/** Puts a program into the download, with its checksum and, if a key is named, a signature. */
async function publish(folder: TemporaryFolder, text: string, keyPath?: string): Promise<void> {
  await Deno.writeTextFile(folder.at("sentinel"), text);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  const files = [{ name: "sentinel", sha256: new Uint8Array(digest).toHex() }];
  const sign = keyPath === undefined ? undefined : await readSignKey(keyPath, new RecordingLog());
  await writeChecksums(folder.path, { files, sign });
}

/** A customer's folder with a genuine download. */
async function download(): Promise<TemporaryFolder> {
  const folder = await temporaryFolder();
  const key = await createKey(folder, "vendor");
  const publicKey = await Deno.readTextFile(`${key}.pub`);
  await Deno.writeTextFile(folder.at("allowed_signers"), `vendor namespaces="file" ${publicKey}`);
  await publish(folder, "genuine", key);
  return folder;
}

testWith(NEEDS, "a genuine update passes, and a changed program fails", async () => {
  await using folder = await download();
  assertEquals(await accepts(folder), true);
  await Deno.writeTextFile(folder.at("sentinel"), "evil");
  assertEquals(await accepts(folder), false);
});

testWith(NEEDS, "changed checksums fail under the old signature", async () => {
  await using folder = await download();
  const signature = await Deno.readTextFile(folder.at("SHA256SUMS.sig"));
  await publish(folder, "evil");
  await Deno.writeTextFile(folder.at("SHA256SUMS.sig"), signature);
  assertEquals(await accepts(folder), false);
  assertEquals(await accepts(folder, { checksSignature: false }), true, "the attack");
});

testWith(NEEDS, "checksums without a signature, or with the attacker's, fail", async () => {
  await using folder = await download();
  await publish(folder, "evil");
  assertEquals(await accepts(folder), false);
  await publish(folder, "evil", await createKey(folder, "attacker"));
  assertEquals(await accepts(folder), false);
  assertEquals(await accepts(folder, { checksSignature: false }), true, "the attack");
});

testWith(NEEDS, "a signature for another purpose fails", async () => {
  await using folder = await download();
  await publish(folder, "evil");
  const args = ["-q", "-Y", "sign", "-n", "git", "-f", folder.at("vendor"), "SHA256SUMS"];
  assertEquals((await resultOf("ssh-keygen", { args, cwd: folder.path })).code, 0);
  assertNotEquals(await Deno.readTextFile(folder.at("SHA256SUMS.sig")), "");
  assertEquals(await accepts(folder), false);
});
