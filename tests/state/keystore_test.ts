import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { generateKeyPairDer } from "../../src/signing/ecdsa.ts";
import { writeEncrypted } from "../../src/state/state_file.ts";
import { createBoundKey } from "../../src/state/key_wrapping.ts";
import { Keystore } from "../../src/state/keystore.ts";
import { assertMode } from "../support/file_mode.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NOW = Date.parse("2026-06-15T12:00:00Z");

function keyWrappingFor(machineId = "machine", userId = "1000") {
  const salt = new Uint8Array(32);
  return createBoundKey({
    kind: "derived",
    salt,
    machineId: () => Promise.resolve(machineId),
    userId,
  });
}

function keystoreIn(folder: string, keyWrapping = keyWrappingFor()): Keystore {
  const { guardMemory } = selectPlatform();
  return new Keystore(`${folder}/k`, { keyWrapping, guardMemory });
}

Deno.test("the keystore creates its keys once and finds them again", async () => {
  await using folder = await temporaryFolder();
  const first = await keystoreIn(folder.path).open(NOW);
  const second = await keystoreIn(folder.path).open(NOW);
  assertEquals(second.publicKeyPem, first.publicKeyPem);
  assertEquals(second.replaced, undefined);
  await assertMode(folder.at("k"), 0o600);
});

for (
  const [who, machineId, userId] of [
    ["another machine", "elsewhere", "1000"],
    ["another user", "machine", "1001"],
  ] as const
) {
  Deno.test(`${who} cannot read the keystore: it is quarantined and recreated`, async () => {
    await using folder = await temporaryFolder();
    const first = await keystoreIn(folder.path).open(NOW);
    const second = await keystoreIn(folder.path, keyWrappingFor(machineId, userId))
      .open(NOW);
    assertNotEquals(second.publicKeyPem, first.publicKeyPem);
    assertEquals(second.replaced, folder.at("k.unreadable-20260615T120000Z"));
    assert((await Deno.stat(second.replaced!)).isFile);
  });
}

Deno.test("the bytes of keys are guarded, and wiped once the keys are in use", async () => {
  await using folder = await temporaryFolder();
  const guarded: Uint8Array[] = [];
  const guardMemory = (bytes: Uint8Array<ArrayBuffer>) => {
    guarded.push(bytes);
    return { [Symbol.dispose]: () => void bytes.fill(0) };
  };
  const open = () =>
    new Keystore(folder.at("k"), { keyWrapping: keyWrappingFor(), guardMemory }).open(NOW);
  await open();
  // the private key, the state's, and both as they are written
  assertEquals(guarded.length, 3);
  await open();
  // as they were read
  assertEquals(guarded.length, 4);
  for (const bytes of guarded) assertEquals(bytes, new Uint8Array(bytes.length));
});

const NO_KEYS: [string, (parts: Uint8Array[]) => Uint8Array[]][] = [
  ["nothing in it", () => []],
  ["a part missing", (parts) => parts.slice(0, 2)],
  ["a part too many", (parts) => [...parts, Uint8Array.of(1)]],
  ["a private key that is none", ([, publicKey, stateKey]) => [stateKey!, publicKey!, stateKey!]],
  ["half a state key", ([own, publicKey, stateKey]) => [own!, publicKey!, stateKey!.slice(16)]],
];

for (const [what, change] of NO_KEYS) {
  Deno.test(`a keystore with ${what} is unreadable although it decrypts, and is quarantined`, async () => {
    await using folder = await temporaryFolder();
    const file = { path: folder.at("k"), name: "keystore", version: 1 };
    const key = await keyWrappingFor().unlock();
    const pair = await generateKeyPairDer();
    const parts = change([pair.privateKey, pair.publicKey, new Uint8Array(32)]);
    const packed = parts.flatMap((part) => [part.length >> 8, part.length & 0xff, ...part]);
    await writeEncrypted(file, key, Uint8Array.from(packed));
    assertEquals(await keystoreIn(folder.path).probe(), "unreadable");
    const { replaced } = await keystoreIn(folder.path).open(NOW);
    assertEquals(replaced, folder.at("k.unreadable-20260615T120000Z"));
    assertEquals(await keystoreIn(folder.path).probe(), "opened");
  });
}

Deno.test("the private key is nowhere in the keystore file, and the state's key cannot be exported", async () => {
  await using folder = await temporaryFolder();
  const keys = await keystoreIn(folder.path).open(NOW);
  await assertRejects(() => crypto.subtle.exportKey("raw", keys.stateKey));
  const bytes = await Deno.readFile(folder.at("k"));
  // every PKCS#8 and SubjectPublicKeyInfo of such a key has the object identifier of P-256
  assert(!bytes.toHex().includes("2a8648ce3d030107"));
});
