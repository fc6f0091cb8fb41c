import { assertMode } from "../support/file_mode.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { generateKeyPairDer } from "../../src/signing/ecdsa.ts";
import { writeEncrypted } from "../../src/state/encrypted_file.ts";
import { boundKey } from "../../src/state/key_protector.ts";
import { Keystore } from "../../src/state/keystore.ts";
import { type LicenseRecord, type State, StateFile } from "../../src/state/state_file.ts";
import {
  AlreadyRunningError,
  openStateFolder,
  StateFolderError,
} from "../../src/state/state_folder.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const NOW = Date.parse("2026-06-15T12:00:00Z");

const STATE: State = {
  machine_id: "3f0e7b3a-6f57-4c0e-9d43-3d2c8f0a4b11",
  last_responded_at_ms: 5,
  latest_known_ms: 8,
  counter: 3,
  has_outer_witness: true,
  is_unconfirmed: false,
  licenses: [{
    license_key: "__proto__",
    activated: true,
    grace_remaining_seconds: 60,
    grace_exhausted: false,
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 7,
    last_alive: { wall_ms: 1, boot_id: "b", boot_ms: 2 },
  }],
};

function protectorFor(machineId = "machine", userId = "1000") {
  const salt = new Uint8Array(32);
  return boundKey({
    kind: "derived",
    salt,
    machineId: () => Promise.resolve(machineId),
    userId,
  });
}

function keystoreIn(folder: string, protector = protectorFor()): Keystore {
  const { guardMemory } = selectPlatform();
  return new Keystore(`${folder}/k`, { protector, guardMemory });
}

async function makeKey(): Promise<CryptoKey> {
  return await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}

Deno.test("the keystore makes its keys once and finds them again", async () => {
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
  Deno.test(`${who} cannot read the keystore: it is set aside and made anew`, async () => {
    await using folder = await temporaryFolder();
    const first = await keystoreIn(folder.path).open(NOW);
    const second = await keystoreIn(folder.path, protectorFor(machineId, userId))
      .open(NOW);
    assertNotEquals(second.publicKeyPem, first.publicKeyPem);
    assertEquals(second.replaced, folder.at("k.unreadable-20260615T120000Z"));
    assert((await Deno.stat(second.replaced!)).isFile);
  });
}

const NO_KEYS: [string, (parts: Uint8Array[]) => Uint8Array[]][] = [
  ["nothing in it", () => []],
  ["a part missing", (parts) => parts.slice(0, 2)],
  ["a part too many", (parts) => [...parts, Uint8Array.of(1)]],
  ["a private key that is none", ([, publicKey, stateKey]) => [stateKey!, publicKey!, stateKey!]],
  ["half a state key", ([own, publicKey, stateKey]) => [own!, publicKey!, stateKey!.slice(16)]],
];

for (const [what, change] of NO_KEYS) {
  Deno.test(`a keystore with ${what} is unreadable, however well it is encrypted: set aside`, async () => {
    await using folder = await temporaryFolder();
    const file = { path: folder.at("k"), name: "keystore", version: 1 };
    const key = await protectorFor().unlock();
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

Deno.test("the private key is nowhere in the keystore file, and cannot be exported", async () => {
  await using folder = await temporaryFolder();
  const keys = await keystoreIn(folder.path).open(NOW);
  await assertRejects(() => crypto.subtle.exportKey("raw", keys.stateKey));
  const bytes = await Deno.readFile(folder.at("k"));
  // the object identifier of P-256 stands in every PKCS#8 and SubjectPublicKeyInfo of such a key
  assert(!bytes.toHex().includes("2a8648ce3d030107"));
});

Deno.test("a state is loaded as it was saved", async () => {
  await using folder = await temporaryFolder();
  const key = await makeKey();
  assertEquals(await new StateFile(folder.at("s"), key).load(NOW), { kind: "absent" });
  await new StateFile(folder.at("s"), key).save(STATE);
  assertEquals(await new StateFile(folder.at("s"), key).load(NOW), {
    kind: "loaded",
    state: STATE,
  });
  await assertMode(folder.at("s"), 0o600);
});

Deno.test("a state that an earlier version saved is read, with nothing unpaid", async () => {
  await using folder = await temporaryFolder();
  const key = await makeKey();
  const { unpaid_ms: _unpaid, last_alive: _alive, ...record } = STATE.licenses[0]!;
  const file = new StateFile(folder.at("s"), key);
  await file.save({ ...STATE, licenses: [record as LicenseRecord] });
  assertEquals(await file.load(NOW), {
    kind: "loaded",
    state: { ...STATE, licenses: [{ ...record, unpaid_ms: 0, last_alive: null }] },
  });
});

Deno.test("a state with any byte changed, cut off or added is set aside, never deleted", async () => {
  await using folder = await temporaryFolder();
  const key = await makeKey();
  const file = new StateFile(folder.at("s"), key);
  await file.save(STATE);
  const good = await Deno.readFile(folder.at("s"));
  const broken = [new Uint8Array(), good.subarray(0, -1), Uint8Array.of(...good, 0)];
  for (let i = 0; i < good.length; i++) {
    const changed = good.slice();
    changed[i]! ^= 1;
    broken.push(changed);
  }
  for (const bytes of broken) {
    await Deno.writeFile(folder.at("s"), bytes);
    const loaded = await file.load(NOW);
    assert(loaded.kind === "set_aside");
    assertEquals(await Deno.readFile(loaded.path), new Uint8Array(bytes));
    await Deno.remove(loaded.path);
  }
});

const NO_STATES: [string, string | Uint8Array<ArrayBuffer>][] = [
  ["no JSON", "{"],
  ["a key twice", JSON.stringify(STATE).replace("{", '{"counter":1,')],
  ["bytes that are no text", Uint8Array.of(0xff)],
  ["no machine", JSON.stringify({ ...STATE, machine_id: undefined })],
  ["less than no grace", JSON.stringify(STATE).replace(':60,"grace', ':-60,"grace')],
];

for (const [what, content] of NO_STATES) {
  Deno.test(`a state with ${what} is unreadable, however well it is encrypted: set aside`, async () => {
    await using folder = await temporaryFolder();
    const key = await makeKey();
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeEncrypted({ path: folder.at("s"), name: "state", version: 1 }, key, bytes);
    const file = new StateFile(folder.at("s"), key);
    assertEquals([await file.probe(), await file.read()], ["unreadable", undefined]);
    assertEquals(await file.load(NOW), {
      kind: "set_aside",
      path: folder.at("s.unreadable-20260615T120000Z"),
    });
  });
}

Deno.test("another file of the same key does not pass for the state", async () => {
  await using folder = await temporaryFolder();
  const protector = protectorFor();
  await keystoreIn(folder.path, protector).open(NOW);
  await Deno.copyFile(folder.at("k"), folder.at("s"));
  assertEquals(
    (await new StateFile(folder.at("s"), await protector.unlock()).load(NOW)).kind,
    "set_aside",
  );
});

Deno.test("a write that was killed leaves the old content and does not disturb the next write", async () => {
  await using folder = await temporaryFolder();
  const file = new StateFile(folder.at("s"), await makeKey());
  await file.save(STATE);
  await Deno.writeTextFile(folder.at("s.tmp"), "half");
  assertEquals((await file.load(NOW)).kind, "loaded");
  await file.save({ ...STATE, last_responded_at_ms: 6 });
  assertEquals(await file.load(NOW), {
    kind: "loaded",
    state: { ...STATE, last_responded_at_ms: 6 },
  });
});

Deno.test("a state folder is made 0700 and belongs to one run at a time", async () => {
  await using folder = await temporaryFolder();
  const options = { log: new RecordingLog(), pid: 4711 };
  {
    using _first = await openStateFolder(folder.at("a/b"), options);
    await assertMode(folder.at("a/b"), 0o700);
    const error = await assertRejects(
      () => openStateFolder(folder.at("a/b"), options),
      AlreadyRunningError,
    );
    assertEquals(error.message, "another sentinel is running for this license (pid 4711)");
  }
  using _again = await openStateFolder(folder.at("a/b"), options);
});

testWith(
  [POSIX],
  "a state folder that others may write to is refused, one they may read is warned of",
  async () => {
    await using folder = await temporaryFolder();
    const log = new RecordingLog();
    await Deno.chmod(folder.path, 0o777);
    await assertRejects(
      () => openStateFolder(folder.path, { log, pid: 1 }),
      StateFolderError,
      "is writable by others",
    );
    await Deno.chmod(folder.path, 0o755);
    using _open = await openStateFolder(folder.path, { log, pid: 1 });
    assertEquals(log.lines(), [
      `warn state folder is open to others: ${folder.path} (chmod 700 it)`,
    ]);
  },
);

Deno.test("a file where the state folder should be is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  const open = () => openStateFolder(folder.at("file"), { log: new RecordingLog(), pid: 1 });
  await assertRejects(open, StateFolderError, `state folder is not a folder: ${folder.at("file")}`);
});

Deno.test("a state folder that the system refuses is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.at("file"), "");
  const path = folder.at("file/below");
  const open = () => openStateFolder(path, { log: new RecordingLog(), pid: 1 });
  await assertRejects(open, StateFolderError, `state folder cannot be used: ${path} (`);
});

Deno.test("a state folder whose lock is no file is a clear error", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("lock"));
  const open = () => openStateFolder(folder.path, { log: new RecordingLog(), pid: 1 });
  await assertRejects(
    open,
    StateFolderError,
    `state folder cannot be used: ${folder.at("lock")}: it is not a file`,
  );
});
