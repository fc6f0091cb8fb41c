import { assertEquals, assertRejects } from "@std/assert";
import {
  FEATURES_LINE,
  LICENSE,
  LICENSE_LINE,
  MALFORMED_LINE,
  startServer,
} from "../support/ipc_server.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";
import { testWith, UNIX_SOCKETS } from "../support/requirements.ts";

Deno.test("get_license, get_features and health are answered to the byte", async () => {
  await using running = await startServer();
  assertEquals(await ask(running.path, '{"method":"get_license"}'), LICENSE_LINE);
  assertEquals(await ask(running.path, '{"method":"get_features"}'), FEATURES_LINE);
  assertEquals(await ask(running.path, '{"method":"health"}'), '{"status":"ok"}');
});

Deno.test("an unknown method is named in the answer", async () => {
  await using running = await startServer();
  const answer = await ask(running.path, '{"method":"xyz"}');
  assertEquals(answer, '{"status":"error","error":"unknown method: xyz"}');
});

Deno.test("a malformed request is answered and the connection stays open", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send('nonsense\n\n\r\n{"method":"health"}\r\n');
  assertEquals(await peer.line(), MALFORMED_LINE);
  assertEquals(await peer.line(), '{"status":"ok"}');
});

Deno.test("after a change, answers have the new license, even if the old one was just requested", async () => {
  await using running = await startServer();
  using peer = await connectPeer(running.path);
  await peer.send('{"method":"get_license"}\n');
  assertEquals(await peer.line(), LICENSE_LINE);
  running.server.setLicense({ ...LICENSE, license_key: "KEY-2" });
  await peer.send('{"method":"get_license"}\n');
  assertEquals(await peer.line(), LICENSE_LINE.replace("KEY-1", "KEY-2"));
});

testWith(
  [UNIX_SOCKETS],
  "the socket is 0600, and removed with its lock file at the end; close() may be called twice",
  async () => {
    const running = await startServer();
    assertEquals((await Deno.lstat(running.path)).mode! & 0o777, 0o600);
    await Promise.all([running.server.close(), running.server.close()]);
    await running.claim[Symbol.asyncDispose]();
    const names = Array.from(Deno.readDirSync(running.folder), ({ name }) => name);
    assertEquals(names, []);
    await running[Symbol.asyncDispose]();
    await assertRejects(() => Deno.stat(running.folder), Deno.errors.NotFound);
  },
);
