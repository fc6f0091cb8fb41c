import { assert, assertEquals, assertRejects } from "@std/assert";
import { replicaName } from "../../src/state/rollback_guard.ts";
import { Disk, MACHINE, NOW, spent, withGrace } from "../support/witnessed_disk.ts";

const OTHER_MACHINE = "8c5d9a51-0b0e-4f6d-8f43-0f3a7e1c2d22";

Deno.test("a state is found as it was saved, and nothing wrong with it", async () => {
  await using disk = await spent();
  const { found, grace } = await disk.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 100 });
});

Deno.test("an old state file that is put back is seen, and gives nothing back", async () => {
  await using disk = await spent();
  await disk.copy("backup/state", "in/state");
  const { found, grace } = await disk.start();
  assertEquals(found, "it is number 1, number 3 has been seen");
  assertEquals(grace, 100);
  const { state } = await disk.open().load(NOW);
  assertEquals(state?.is_unconfirmed, true);
});

Deno.test("the whole folder put back is seen by the witness outside; without that one it is not: the attack", async () => {
  await using disk = await spent();
  await disk.copy("backup", "in");
  assertEquals((await disk.start()).found, "it is number 1, number 3 has been seen");

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

Deno.test("both folders put back are seen by the keyring; once that is gone they are not: the attack", async () => {
  for (const isGone of [false, true]) {
    await using disk = await spent({ hasKeyring: true });
    await disk.copy("backup", "in");
    await disk.copy("backup-out", "out");
    if (isGone) disk.keyring!.clear();
    const { found, grace } = await disk.start();
    assertEquals(
      { found, grace },
      isGone
        ? { found: "nothing", grace: 300 }
        : { found: "it is number 1, number 3 has been seen", grace: 100 },
    );
  }
});

Deno.test("a keyring that forgot everything, or holds what nobody can read, says nothing", async () => {
  await using disk = await spent({ hasKeyring: true });
  disk.keyring!.set(replicaName(MACHINE), Uint8Array.of(1, 2, 3));
  assertEquals((await disk.start()).found, "nothing");
  disk.keyring!.clear();
  const { found, state } = await disk.start();
  assertEquals(found, "nothing");
  await state.save(withGrace(50), { ahead: true });
  assertEquals([...disk.keyring!.keys()], [replicaName(MACHINE)]);
});

Deno.test("machines of several state folders have a place each in the keyring", async () => {
  await using first = await spent({ hasKeyring: true });
  await using second = await Disk.make();
  second.keyring = first.keyring;
  await second.open().save({ ...withGrace(300), machine_id: OTHER_MACHINE }, { ahead: true });
  assertEquals(first.keyring!.size, 2);
  assertEquals((await first.start()).found, "nothing");
  assertEquals((await second.start()).found, "nothing");
});

for (const name of ["in/witness", `out/${MACHINE}.bin`]) {
  Deno.test(`a witness that is gone is as good as a rollback: ${name.slice(0, 3)}`, async () => {
    await using disk = await spent();
    await Deno.remove(disk.folder.at(name));
    assertEquals((await disk.start()).found, "a witness of it is gone");
  });
}

Deno.test("a state that was deleted or cannot be read comes back from a witness, without its activation", async () => {
  for (
    const [harm, found] of [["delete", "it is gone, number 3 has been seen"], [
      "change",
      "set aside",
    ]]
  ) {
    await using disk = await spent();
    if (harm === "delete") await Deno.remove(disk.folder.at("in/state"));
    else await Deno.writeTextFile(disk.folder.at("in/state"), "?");
    const state = disk.open();
    const loaded = await state.load(NOW);
    assertEquals(loaded.rollback ?? (loaded.setAside && "set aside"), found);
    const { machine_id, is_unconfirmed, licenses: [record] } = loaded.state!;
    assertEquals([machine_id, is_unconfirmed], [MACHINE, true]);
    assertEquals([record?.activated, record?.grace_remaining_seconds], [false, 100]);
  }
});

Deno.test("a kill before any write of any save is no rollback, and gives nothing back that was seen", async () => {
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
        // an online run shows its witnesses later, or never
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

Deno.test("a charge whose save was killed after the witness saw it is not lost when the old state is put back", async () => {
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

Deno.test("a disk that was full for a while is no rollback", async () => {
  await using disk = await spent();
  const { state } = await disk.start();
  for (let i = 0; i < 5; i++) {
    disk.writesLeft = 2;
    await assertRejects(() => state.save(withGrace(90 - i), { ahead: true }));
  }
  disk.writesLeft = Infinity;
  assertEquals((await disk.start()).found, "nothing");
});

Deno.test("a place outside that cannot be written to is done without", async () => {
  await using disk = await Disk.make();
  await Deno.writeTextFile(disk.folder.at("out"), "a file");
  await disk.open().save(withGrace(300), { ahead: true });
  const { found, grace } = await disk.start();
  assertEquals({ found, grace }, { found: "nothing", grace: 300 });
});

Deno.test("decommissioning leaves no witness", async () => {
  await using disk = await spent({ hasKeyring: true });
  const { state } = await disk.start();
  await state.delete();
  const left = [...disk.keyring!.keys()];
  for (const folder of ["in", "out"]) {
    for await (const { name } of Deno.readDir(disk.folder.at(folder))) left.push(name);
  }
  assertEquals(left, []);
});

Deno.test("a machine that has never run has nothing to delete, and none of another's is touched", async () => {
  await using disk = await Disk.make();
  disk.keyring = new Map([["sentinel-drm:other", Uint8Array.of(1)]]);
  const { state } = await disk.start();
  await state.delete();
  assertEquals([...disk.keyring.keys()], ["sentinel-drm:other"]);
  assertEquals((await disk.start()).found, "nothing");
});
