import { assert, assertEquals } from "@std/assert";
import { writeEncrypted } from "../../src/state/state_file.ts";
import { type LicenseRecord, type State, StateFile } from "../../src/state/state_file.ts";
import { assertMode } from "../support/file_mode.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

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

async function makeKey(): Promise<CryptoKey> {
  return await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}

Deno.test("a saved state loads unchanged", async () => {
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

Deno.test("the state of an earlier version loads, with nothing uncharged", async () => {
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

Deno.test("a state with any byte changed, cut off or added is quarantined, never deleted", async () => {
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
    assert(loaded.kind === "quarantined");
    assertEquals(await Deno.readFile(loaded.path), new Uint8Array(bytes));
    assertEquals(await file.load(NOW), { kind: "absent" });
    await Deno.remove(loaded.path);
  }
});

Deno.test("files quarantined in the same second get distinct names", async () => {
  await using folder = await temporaryFolder();
  const file = new StateFile(folder.at("s"), await makeKey());
  const names: unknown[] = [];
  for (let i = 0; i < 3; i++) {
    await Deno.writeTextFile(folder.at("s"), `${i}`);
    const loaded = await file.load(NOW);
    names.push(loaded.kind === "quarantined" && loaded.path);
  }
  const name = folder.at("s.unreadable-20260615T120000Z");
  assertEquals(names, [name, `${name}-2`, `${name}-3`]);
  assertEquals(await Deno.readTextFile(`${name}-2`), "1");
});

const NO_STATES: [string, string | Uint8Array<ArrayBuffer>][] = [
  ["no JSON", "{"],
  ["a key twice", JSON.stringify(STATE).replace("{", '{"counter":1,')],
  ["bytes that are not text", Uint8Array.of(0xff)],
  ["no machine", JSON.stringify({ ...STATE, machine_id: undefined })],
  ["less than no grace", JSON.stringify(STATE).replace(':60,"grace', ':-60,"grace')],
];

for (const [what, content] of NO_STATES) {
  Deno.test(`a state with ${what} is unreadable although it decrypts, and is quarantined`, async () => {
    await using folder = await temporaryFolder();
    const key = await makeKey();
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await writeEncrypted({ path: folder.at("s"), name: "state", version: 1 }, key, bytes);
    const file = new StateFile(folder.at("s"), key);
    assertEquals([await file.probe(), await file.read()], ["unreadable", undefined]);
    assertEquals(await file.load(NOW), {
      kind: "quarantined",
      path: folder.at("s.unreadable-20260615T120000Z"),
    });
  });
}

Deno.test("another file encrypted with the same key does not pass for the state", async () => {
  await using folder = await temporaryFolder();
  const key = await makeKey(), content = new TextEncoder().encode(JSON.stringify(STATE));
  await writeEncrypted({ path: folder.at("s"), name: "keystore", version: 1 }, key, content);
  assertEquals((await new StateFile(folder.at("s"), key).load(NOW)).kind, "quarantined");
});

Deno.test("a killed write leaves the old content and does not disturb the next write", async () => {
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
