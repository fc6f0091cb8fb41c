import { assertMode } from "../support/file_mode.ts";
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import type { DataProtection, Platform } from "../../src/platform/contract.ts";
import type { CredentialStore, FoundSecret } from "../../src/platform/secret_tool.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import {
  chooseKeyWrapping,
  CredentialStoreError,
  findKeyWrapping,
} from "../../src/state/key_wrapping.ts";
import { Keystore } from "../../src/state/keystore.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NOW = Date.parse("2026-06-15T12:00:00Z");

/** A credential store under the control of the test. */
class FakeStore implements CredentialStore {
  readonly kind = "secret-service";
  readonly kept = new Map<string, string>();
  fault: string | undefined;
  asked = 0;

  find(id: string): Promise<FoundSecret> {
    this.asked++;
    const secret = this.kept.get(id);
    if (this.fault !== undefined) return Promise.resolve({ kind: "closed", why: this.fault });
    return Promise.resolve(
      secret === undefined ? { kind: "absent" } : { kind: "found", secret },
    );
  }

  keep(id: string, secret: string): Promise<string | undefined> {
    this.asked++;
    if (this.fault === undefined) this.kept.set(id, secret);
    return Promise.resolve(this.fault);
  }
}

function dependencies(store: CredentialStore | undefined, isAnnounced = true) {
  const platform: Pick<
    Platform,
    "announcedCredentialStore" | "openCredentialStore" | "machineId" | "userId"
  > = {
    announcedCredentialStore: () => isAnnounced ? "secret-service" : undefined,
    openCredentialStore: () => Promise.resolve(store),
    machineId: () => Promise.resolve("machine"),
    userId: () => "1000",
  };
  return {
    platform: platform as Platform,
    env: () => undefined,
    timeout: () => new AbortController().signal,
    log: new RecordingLog(),
  };
}

async function openKeystore(
  folder: string,
  store: CredentialStore | undefined,
  isAnnounced = true,
) {
  return await openWith(folder, dependencies(store, isAnnounced));
}

async function openWith(folder: string, deps: ReturnType<typeof dependencies>) {
  const keyWrapping = await chooseKeyWrapping(folder, deps);
  const keys = await new Keystore(`${folder}/keystore.bin`, {
    keyWrapping,
    guardMemory: selectPlatform().guardMemory,
  }).open(NOW);
  return { kind: keyWrapping.kind, ...keys };
}

Deno.test(
  "without a credential store the key is derived, and its salt is 0600",
  async () => {
    await using folder = await temporaryFolder();
    const first = await openKeystore(folder.path, undefined, false);
    assertEquals(first.kind, "derived");
    await assertMode(folder.at("keystore.salt"), 0o600);
    assertEquals((await openKeystore(folder.path, undefined)).publicKeyPem, first.publicKeyPem);
  },
);

Deno.test("a truncated salt is unusable: the keystore is quarantined and recreated", async () => {
  await using folder = await temporaryFolder();
  const first = await openKeystore(folder.path, undefined, false);
  await Deno.truncate(folder.at("keystore.salt"), 16);
  const deps = dependencies(undefined, false);
  assertEquals((await findKeyWrapping(folder.path, deps)).kind, "none");
  const second = await openWith(folder.path, deps);
  assertNotEquals(second.publicKeyPem, first.publicKeyPem);
  assertEquals(second.replaced, folder.at("keystore.bin.unreadable-20260615T120000Z"));
});

Deno.test("a credential store holds a part of the key that is not in the folder", async () => {
  await using folder = await temporaryFolder();
  const store = new FakeStore();
  const first = await openKeystore(folder.path, store);
  assertEquals(first.kind, "secret-service");
  const [secret] = store.kept.values();
  for await (const { name } of Deno.readDir(folder.path)) {
    const bytes = await Deno.readFile(folder.at(name));
    assert(!bytes.toHex().includes(secret!), name);
    assert(!new TextDecoder("latin1").decode(bytes).includes(secret!), name);
  }
  assertEquals((await openKeystore(folder.path, store)).publicKeyPem, first.publicKeyPem);
});

Deno.test("a keystore that was created without a credential store never uses one", async () => {
  await using folder = await temporaryFolder();
  await openKeystore(folder.path, undefined, false);
  const store = new FakeStore();
  assertEquals((await openKeystore(folder.path, store)).kind, "derived");
  assertEquals(store.asked, 0);
});

Deno.test("a credential store that stops responding is an error, and nothing is deleted", async () => {
  await using folder = await temporaryFolder();
  const store = new FakeStore();
  const first = await openKeystore(folder.path, store);
  store.fault = "the keyring is locked";
  const error = await assertRejects(() => openKeystore(folder.path, store), CredentialStoreError);
  assertEquals(
    error.message,
    "the Secret Service holds the machine's key but does not return it (the keyring is locked): unlock it, " +
      "or start in its session; to create a new key, remove " +
      folder.at("keystore.safe"),
  );
  await assertRejects(() => openKeystore(folder.path, undefined), CredentialStoreError);
  assertEquals((await findKeyWrapping(folder.path, dependencies(store))).kind, "closed");
  store.fault = undefined;
  assertEquals((await openKeystore(folder.path, store)).publicKeyPem, first.publicKeyPem);
});

Deno.test("a credential store that lost its part makes the keystore unreadable: it is quarantined and recreated", async () => {
  await using folder = await temporaryFolder();
  const first = await openKeystore(folder.path, new FakeStore());
  const emptied = new FakeStore();
  assertEquals((await findKeyWrapping(folder.path, dependencies(emptied))).kind, "lost");
  const second = await openKeystore(folder.path, emptied);
  assertNotEquals(second.publicKeyPem, first.publicKeyPem);
  assertEquals(second.replaced, folder.at("keystore.bin.unreadable-20260615T120000Z"));
  assertEquals((await openKeystore(folder.path, emptied)).publicKeyPem, second.publicKeyPem);
});

const USELESS: [string, Partial<CredentialStore>][] = [
  ["refuses", { keep: () => Promise.resolve("denied") }],
  ["forgets at once", { find: () => Promise.resolve({ kind: "absent" }) }],
  ["gives back something else", {
    find: () => Promise.resolve({ kind: "found", secret: "00".repeat(32) }),
  }],
];

for (const [what, behavior] of USELESS) {
  Deno.test(`a credential store that ${what} is not used`, async () => {
    await using folder = await temporaryFolder();
    const store = Object.assign(new FakeStore(), behavior);
    const first = await openKeystore(folder.path, store);
    assertEquals(first.kind, "derived");
    assertEquals((await openKeystore(folder.path, store)).publicKeyPem, first.publicKeyPem);
  });
}

/** A system that seals as DPAPI does: only the same user can open. */
function sealing(user: number, { seals = true } = {}): ReturnType<typeof dependencies> {
  const deps = dependencies(undefined, false);
  const dataProtection: DataProtection = {
    kind: "dpapi",
    seal: (bytes) => seals ? Uint8Array.of(user, ...bytes) : undefined,
    open: (sealed) => sealed[0] === user ? sealed.slice(1) : undefined,
  };
  return { ...deps, platform: { ...deps.platform, dataProtection } };
}

Deno.test("a system with data protection keeps the sealed salt beside the keystore, and no plain one", async () => {
  await using folder = await temporaryFolder();
  const first = await openWith(folder.path, sealing(1));
  assertEquals(first.kind, "dpapi");
  assertEquals(
    Array.from(Deno.readDirSync(folder.path), ({ name }) => name).sort(),
    ["keystore.bin", "keystore.sealed"],
  );
  assertEquals((await openWith(folder.path, sealing(1))).publicKeyPem, first.publicKeyPem);
});

Deno.test("another user's seal counts as lost: the keystore is quarantined and recreated", async () => {
  await using folder = await temporaryFolder();
  const first = await openWith(folder.path, sealing(1));
  for (const deps of [sealing(2), dependencies(undefined, false)]) {
    assertEquals((await findKeyWrapping(folder.path, deps)).kind, "lost");
  }
  const second = await openWith(folder.path, sealing(2));
  assertNotEquals(second.publicKeyPem, first.publicKeyPem);
  assertEquals(second.replaced, folder.at("keystore.bin.unreadable-20260615T120000Z"));
  assertEquals((await openWith(folder.path, sealing(2))).publicKeyPem, second.publicKeyPem);
});

Deno.test("data protection that fails to seal is not used", async () => {
  await using folder = await temporaryFolder();
  assertEquals((await openWith(folder.path, sealing(1, { seals: false }))).kind, "derived");
});

Deno.test("a credential store replaces a seal that does not open", async () => {
  await using folder = await temporaryFolder();
  await openWith(folder.path, sealing(1));
  const store = new FakeStore();
  const second = await openKeystore(folder.path, store);
  assertEquals(second.kind, "secret-service");
  assertEquals((await openKeystore(folder.path, store)).publicKeyPem, second.publicKeyPem);
});
