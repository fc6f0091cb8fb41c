import { assert, assertEquals, assertRejects } from "@std/assert";
import { formatReplicaName } from "../../src/state/rollback_guard.ts";
import {
  Disk,
  KEYRING_KEEPS_MS,
  MACHINE,
  NOW,
  spent,
  withGrace,
} from "../support/replicated_disk.ts";

const OTHER_MACHINE = "8c5d9a51-0b0e-4f6d-8f43-0f3a7e1c2d22";

Deno.test("a saved state loads without a fault", async () => {
  await using disk = await spent();
  const { found, grace } = await disk.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 100 });
});

Deno.test("a restored old state file is detected and refunds nothing", async () => {
  await using disk = await spent();
  await disk.copy("backup/state", "in/state");
  const { found, grace } = await disk.start();
  assertEquals(found, "found save 1, but save 3 is on record");
  assertEquals(grace, 100);
  const { state } = await disk.open().load(NOW);
  assertEquals(state?.is_unconfirmed, true);
});

Deno.test("a restore of the whole folder is detected by the replica outside, and not without it: the attack", async () => {
  await using disk = await spent();
  await disk.copy("backup", "in");
  assertEquals((await disk.start()).found, "found save 1, but save 3 is on record");

  await using blind = await Disk.make();
  blind.hasOuter = false;
  const state = blind.open();
  await state.save(withGrace(300), { ahead: true });
  await blind.copy("in", "backup");
  await state.save(withGrace(200), { ahead: true });
  await state.save(withGrace(100), { ahead: true });
  await blind.copy("backup", "in");
  const { found, grace } = await blind.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 300 });
});

/** Puts both folders back, the keyring being what `change` makes of it. */
async function restoreBoth(change: (disk: Disk) => void, nowMs = NOW) {
  await using disk = await spent({ hasKeyring: true });
  await disk.copy("backup", "in");
  await disk.copy("backup-out", "out");
  change(disk);
  const { found, grace } = await disk.start(nowMs);
  return { found, grace };
}

Deno.test("a restore of both folders is detected by the keyring", async () => {
  const found = "found save 1, but save 3 is on record";
  assertEquals(await restoreBoth(() => {}), { found, grace: 100 });
});

const empty = ({ keyring }: Disk) => keyring!.clear();

Deno.test("a keyring that was emptied in the same boot is evidence, and withholds grace", async () => {
  assertEquals(await restoreBoth(empty), { found: "a replica is missing", grace: 300 });
  await using disk = await spent({ hasKeyring: true });
  empty(disk);
  const { state } = await disk.open().load(NOW);
  assertEquals(state?.is_unconfirmed, true);
});

Deno.test("an unreadable replica in the keyring is as good as none", async () => {
  const { found } = await restoreBoth(({ keyring }) =>
    keyring!.set(formatReplicaName(MACHINE), Uint8Array.of(1, 2, 3))
  );
  assertEquals(found, "a replica is missing");
});

const UNSEEN = { found: "nothing", grace: 300 };

Deno.test("a keyring that is empty after another boot is no evidence: the attack", async () => {
  const reboot = (disk: Disk) => {
    empty(disk);
    disk.boot = "boot 2";
  };
  assertEquals(await restoreBoth(reboot), UNSEEN);
});

Deno.test("a keyring that does not answer is no evidence", async () => {
  assertEquals(await restoreBoth((disk) => disk.boot = undefined), UNSEEN);
});

Deno.test("a keyring whose entries have expired is no evidence", async () => {
  assertEquals(await restoreBoth(empty, NOW + KEYRING_KEEPS_MS), UNSEEN);
  assertEquals(
    (await restoreBoth(empty, NOW + KEYRING_KEEPS_MS - 1)).found,
    "a replica is missing",
  );
});

Deno.test("a keyring that may lose its entries, or that took none, is no evidence", async () => {
  for (const refusal of [{ isLasting: false }, { boot: undefined }]) {
    await using disk = await Disk.make();
    disk.keyring = new Map();
    Object.assign(disk, refusal);
    await disk.open().save(withGrace(300), { ahead: true });
    disk.keyring.clear();
    disk.boot = "boot 1";
    assertEquals((await disk.start()).found, "nothing");
  }
});

Deno.test("the first save after a boot marks its period, even if it may be lost otherwise", async () => {
  await using disk = await spent({ hasKeyring: true });
  empty(disk);
  disk.boot = "boot 2";
  const { state, found } = await disk.start();
  assertEquals(found, "nothing");
  await state.save(withGrace(100), { ahead: false });
  assertEquals([...disk.keyring!.keys()], [formatReplicaName(MACHINE)]);
  assertEquals((await disk.start()).found, "nothing");
  empty(disk);
  assertEquals((await disk.start()).found, "a replica is missing");
});

Deno.test("machines of several state folders have separate entries in the keyring", async () => {
  await using first = await spent({ hasKeyring: true });
  await using second = await Disk.make();
  second.keyring = first.keyring;
  await second.open().save({ ...withGrace(300), machine_id: OTHER_MACHINE }, { ahead: true });
  assertEquals(first.keyring!.size, 2);
  assertEquals((await first.start()).found, "nothing");
  assertEquals((await second.start()).found, "nothing");
});

for (const name of ["in/replica", `out/${MACHINE}.bin`]) {
  Deno.test(`a missing replica counts as a rollback: ${name.slice(0, 3)}`, async () => {
    await using disk = await spent();
    await Deno.remove(disk.folder.at(name));
    assertEquals((await disk.start()).found, "a replica is missing");
  });
}

Deno.test("a deleted or unreadable state is recovered from a replica, without its activation", async () => {
  for (
    const [harm, found] of [["delete", "the state is missing, but save 3 is on record"], [
      "change",
      "quarantined",
    ]]
  ) {
    await using disk = await spent();
    if (harm === "delete") await Deno.remove(disk.folder.at("in/state"));
    else await Deno.writeTextFile(disk.folder.at("in/state"), "?");
    const state = disk.open();
    const loaded = await state.load(NOW);
    assertEquals(loaded.rollback ?? (loaded.quarantinedAs && "quarantined"), found);
    const { machine_id, is_unconfirmed, licenses: [record] } = loaded.state!;
    assertEquals([machine_id, is_unconfirmed], [MACHINE, true]);
    assertEquals([record?.activated, record?.grace_remaining_seconds], [false, 100]);
  }
});

Deno.test("a kill before any write of any save is no rollback and refunds nothing", async () => {
  const saves = [300, 300, 200, 200, 100];
  const isAhead = [true, false, true, false, true];
  let kills = 0;
  for (let survived = 0; survived < 16; survived++) {
    await using disk = await Disk.make();
    disk.keyring = new Map();
    const state = disk.open();
    disk.writesLeft = survived;
    let least = Infinity;
    try {
      for (const [i, grace] of saves.entries()) {
        // an online run updates the replicas later, or never
        if (i === 2 && survived % 2 === 0) await state.updateReplicas();
        await state.save(withGrace(grace), { ahead: isAhead[i]! });
        least = grace;
      }
    } catch {
      kills++;
    }
    disk.writesLeft = Infinity;
    const after = await disk.start();
    assertEquals(after.found, "nothing", `after ${survived} writes`);
    assert((after.grace ?? Infinity) <= least, `after ${survived} writes`);

    // a second kill in the save that follows is no rollback either
    disk.writesLeft = survived % 3;
    await after.state.save(withGrace(50), { ahead: true }).catch(() => {});
    disk.writesLeft = Infinity;
    assertEquals((await disk.start()).found, "nothing", `twice after ${survived} writes`);
  }
  assert(kills >= 10, `${kills}`);
});

Deno.test("a charge survives a kill after the replica was written, even if the old state is restored", async () => {
  await using disk = await spent();
  await disk.copy("in/state", "in/kept");
  const { state } = await disk.start();
  disk.writesLeft = 1;
  await assertRejects(() => state.save(withGrace(40), { ahead: true }));
  disk.writesLeft = Infinity;
  await disk.copy("in/kept", "in/state");
  const { found, grace } = await disk.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 40 });
});

Deno.test("a temporarily full disk is no rollback", async () => {
  await using disk = await spent();
  const { state } = await disk.start();
  for (let i = 0; i < 5; i++) {
    disk.writesLeft = 2;
    await assertRejects(() => state.save(withGrace(90 - i), { ahead: true }));
  }
  disk.writesLeft = Infinity;
  assertEquals((await disk.start()).found, "nothing");
});

Deno.test("an unwritable directory outside is skipped", async () => {
  await using disk = await Disk.make();
  await Deno.writeTextFile(disk.folder.at("out"), "a file");
  await disk.open().save(withGrace(300), { ahead: true });
  const { found, grace } = await disk.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 300 });
});

Deno.test("decommissioning leaves no replica", async () => {
  await using disk = await spent({ hasKeyring: true });
  const { state } = await disk.start();
  await state.delete();
  const left = [...disk.keyring!.keys()];
  for (const folder of ["in", "out"]) {
    for await (const { name } of Deno.readDir(disk.folder.at(folder))) left.push(name);
  }
  assertEquals(left, []);
});

Deno.test("a machine that has never run deletes nothing, not even another machine's replica", async () => {
  await using disk = await Disk.make();
  disk.keyring = new Map([["sentinel-drm:other", Uint8Array.of(1)]]);
  const { state } = await disk.start();
  await state.delete();
  assertEquals([...disk.keyring.keys()], ["sentinel-drm:other"]);
  assertEquals((await disk.start()).found, "nothing");
});
