import { assertEquals, assertRejects } from "@std/assert";
import { NEEDS_ROOT, testWith } from "../../support/requirements.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";
import { SmallDisk } from "../../../tools/soak/small_disk.ts";

/** Asked of a disk of its own, as only trying tells. */
async function canBeFilled(): Promise<boolean> {
  await using folder = await temporaryFolder();
  await using disk = await SmallDisk.make(folder.at("disk"), { megabytes: 1 });
  return disk.whyEndless === undefined;
}

testWith(
  [NEEDS_ROOT, { need: "the right to mount", met: await canBeFilled() }],
  "a full disk accepts no byte until it is freed",
  async () => {
    await using folder = await temporaryFolder();
    await using disk = await SmallDisk.make(folder.at("disk"), { megabytes: 1 });
    const write = () => Deno.writeTextFile(`${disk.path}/file`, "?");
    const free = await disk.fill();
    await assertRejects(write, Error, "No space left on device");
    await free();
    await write();
    assertEquals(await Deno.readTextFile(`${disk.path}/file`), "?");
  },
);
