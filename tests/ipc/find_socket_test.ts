import { assertEquals, assertRejects } from "@std/assert";
import { findSockets, listSockets } from "../../src/ipc/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { startServer } from "../support/ipc_server.ts";
import { NEEDS_ROOT, POSIX, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const OWN_USER = selectPlatform().userId();

testWith(
  [POSIX],
  "listSockets() finds our sockets by their names, sorted, and nothing else",
  async () => {
    await using running = await startServer();
    const at = (name: string) => `${running.folder}/${name}`;
    await Deno.link(running.path, at("sentinel-b.sock"));
    await Deno.link(running.path, at("sentinel-a.sock"));
    await Deno.link(running.path, at("other.sock"));
    await Deno.writeTextFile(at("sentinel-file.sock"), "");
    await Deno.symlink(running.path, at("sentinel-link.sock"));
    await Deno.remove(running.path);
    const expected = [at("sentinel-a.sock"), at("sentinel-b.sock")];
    assertEquals(await listSockets(running.folder, OWN_USER), expected);
    await Promise.all(expected.map((path) => Deno.remove(path)));
  },
);

testWith([POSIX, NEEDS_ROOT], "listSockets() finds no other user's sockets", async () => {
  await using running = await startServer();
  const path = `${running.folder}/sentinel-x.sock`;
  await Deno.rename(running.path, path);
  assertEquals(await listSockets(running.folder, OWN_USER), [path]);
  await Deno.chown(path, 1001, 1001);
  assertEquals(await listSockets(running.folder, OWN_USER), []);
  await Deno.remove(path);
});

testWith(
  [POSIX],
  "listSockets() finds none if the folder is missing, and fails if it is not a folder",
  async () => {
    await using folder = await temporaryFolder();
    assertEquals(await listSockets(folder.at("nothing"), OWN_USER), []);
    await Deno.writeTextFile(folder.at("file"), "");
    await assertRejects(() => listSockets(folder.at("file"), OWN_USER), Deno.errors.NotADirectory);
  },
);

testWith([POSIX], "findSockets() finds those in the session's folder", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("sentinel"));
  const path = folder.at("sentinel/sentinel-x.sock");
  const platform = { ...selectPlatform(), runtimeFolder: () => folder.path };
  using _listener = Deno.listen({ transport: "unix", path });
  assertEquals(await findSockets(() => undefined, platform), [path]);
});

testWith([POSIX], "findSockets() finds those in the user's own folder", async () => {
  await using folder = await temporaryFolder();
  await Deno.mkdir(folder.at("run"));
  const path = folder.at("run/sentinel-x.sock");
  const platform = {
    ...selectPlatform(),
    runtimeFolder: () => undefined,
    replicaFolder: () => folder.path,
  };
  using _listener = Deno.listen({ transport: "unix", path });
  assertEquals((await findSockets(() => undefined, platform)).includes(path), true);
});
