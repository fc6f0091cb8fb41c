import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { SocketPathError } from "../../src/ipc/errors.ts";
import { serveIpc } from "../../src/ipc/server.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import { LICENSE, startServer } from "../support/ipc_server.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { connectPeer } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const IN_THE_WAY: readonly [what: string, place: (path: string) => string][] = [
  ["its path", (path) => path],
  ["the path that it is bound to first", (path) => path.replace(/.$/, "~")],
];

for (const [what, placeOf] of IN_THE_WAY) {
  testWith(
    [POSIX],
    `a socket cannot be created if a folder is at ${what}, and leaves nothing behind`,
    async () => {
      await using folder = await temporaryFolder();
      const path = folder.at("s.sock");
      await using claim = await claimSocket(path);
      await Deno.mkdir(placeOf(path));
      const options = { claim, license: LICENSE, log: new RecordingLog(), random: () => 1 };
      const error = assertThrows(() => serveIpc(options), SocketPathError);
      assertEquals(error.code, "permission.ipc_path");
      assertEquals(error.message.startsWith(`Cannot listen on ${placeOf(path)}: `), true);
      const names = Array.from(Deno.readDirSync(folder.path), ({ name }) => name);
      assertEquals(names.sort(), [placeOf("s.sock"), "s.sock.lock"].sort());
    },
  );
}

testWith([POSIX], "close() succeeds if the socket no longer exists", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await Deno.remove(running.path);
  await running.server.close();
  assertEquals(await peer.line(), undefined);
  assertEquals(running.log.records, []);
});

testWith(
  [POSIX],
  "close() ends every connection even if the socket cannot be removed, and logs that",
  async () => {
    await using running = await startServer();
    using peer = await connectPeer(running.path);
    const aside = `${running.folder}-aside`;
    await Deno.rename(running.folder, aside);
    await Deno.writeTextFile(running.folder, "no folder any more");
    await running.server.close();
    assertEquals(await peer.line(), undefined);
    assertEquals(running.log.records.map(({ level }) => level), ["warn"]);
    await Deno.remove(running.folder);
    await Deno.rename(aside, running.folder);
    await assertRejects(() => connectPeer(running.path), Deno.errors.ConnectionRefused);
  },
);
