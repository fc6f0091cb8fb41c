import { assertEquals, assertRejects } from "@std/assert";
import { selectPlatform } from "../../src/platform/select.ts";
import { openMachine } from "../../src/enforcement/machine.ts";
import { openStateFolder, StateFolderError } from "../../src/state/state_folder.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { givenFolder } from "../support/product_folder.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

openLibraries();

testWith([POSIX], "the error names a state folder that cannot be used", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("keystore.bin"));
  const log = new RecordingLog();
  using opened = await openStateFolder(folder.path, { log, pid: Deno.pid });
  const { message } = await assertRejects(() =>
    openMachine(opened, {
      ...{ place: givenFolder(opened.path), licenseKey: "K1", pid: Deno.pid },
      platform: { ...selectPlatform(), protectMemory() {}, userKeyring: () => undefined },
      clock: new FakeClock(),
      log,
      newUuid: () => crypto.randomUUID(),
      env: () => undefined,
    }), StateFolderError);
  assertEquals(message.split(" (").slice(0, 2), [
    `state folder cannot be used: ${folder.path}`,
    "Is a directory",
  ]);
});
