import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { claimPlace } from "../../src/ipc/claim_place.ts";
import { AlreadyServingError, SocketPathError } from "../../src/ipc/errors.ts";
import { mountDisk } from "../support/mounted_disk.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { LINUX, NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { type TemporaryFolder, temporaryFolder } from "../support/temporary_folder.ts";

/** A folder in whose part `open` no socket may be, as others could replace it. */
async function makePlaces(folder: TemporaryFolder) {
  await Deno.mkdir(folder.at("open"));
  await Deno.chmod(folder.at("open"), 0o777);
  return { path: folder.at("open/s.sock"), refuge: folder.at("own/run/s.sock") };
}

testWith(
  [POSIX],
  "claimPlace() claims the refuge if others can occupy the path, and says so",
  async () => {
    await using folder = await temporaryFolder();
    const places = await makePlaces(folder);
    const log = new RecordingLog();
    await using claim = await claimPlace(places, { log });
    assertEquals(claim.path, places.refuge);
    assertEquals(log.lines(), [
      `warn the socket is ${places.refuge}: Cannot put a socket into ${folder.at("open")}: ` +
      "it is open to others: current mode is 777",
    ]);
  },
);

testWith(
  [POSIX],
  "claimPlace() finds a run in its refuge after the path is free again",
  async () => {
    await using folder = await temporaryFolder();
    const places = await makePlaces(folder);
    const log = new RecordingLog();
    {
      await using _claim = await claimPlace(places, { log });
      await Deno.chmod(folder.at("open"), 0o700);
      await assertRejects(() => claimPlace(places, { log }), AlreadyServingError);
    }
    await using claim = await claimPlace(places, { log });
    assertEquals(claim.path, places.path);
  },
);

testWith([POSIX], "claimPlace() fails without a refuge", async () => {
  await using folder = await temporaryFolder();
  const { path } = await makePlaces(folder);
  const log = new RecordingLog();
  await assertRejects(() => claimPlace({ path, refuge: undefined }, { log }), SocketPathError);
});

testWith(
  [NEEDS_ROOT, LINUX],
  "claimPlace() says what is wrong with the path if no refuge can be created",
  async () => {
    await using folder = await temporaryFolder();
    const { path } = await makePlaces(folder);
    await Deno.mkdir(folder.at("own"));
    await using _disk = await mountDisk(folder.at("own"), "ro");
    const log = new RecordingLog();
    const places = { path, refuge: folder.at("own/deep/run/s.sock") };
    const error = await assertRejects(() => claimPlace(places, { log }), SocketPathError);
    assertEquals([error.code, log.lines()], ["permission.ipc_path", []]);
    assertStringIncludes(error.message, `Cannot put a socket into ${folder.at("open")}`);
  },
);
