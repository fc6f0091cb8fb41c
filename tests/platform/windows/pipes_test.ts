import { assert, assertEquals, assertRejects } from "@std/assert";
import { systemClock } from "../../../src/core/clock.ts";
import { AlreadyServingError, SocketPathError } from "../../../src/ipc/errors.ts";
import { claimSocket } from "../../../src/ipc/socket_owner.ts";
import type { LocalConn } from "../../../src/platform/local_socket.ts";
import { selectPlatform } from "../../../src/platform/select.ts";
import { listenOnPipe } from "../../../src/platform/windows/pipe_listener.ts";
import { readClientSid } from "../../../src/platform/windows/tokens.ts";
import { handleCount } from "../../support/handle_count.ts";
import { LICENSE_LINE, startServer, testSocket } from "../../support/ipc_server.ts";
import { startProgram } from "../../support/program.ts";
import { testWith, WINDOWS } from "../../support/requirements.ts";
import { ask, connectLocal, connectPeer } from "../../support/socket_peer.ts";
import { temporaryFolder } from "../../support/temporary_folder.ts";

const REQUEST = '{"method":"get_license"}';

/** Asks so many times in batches of 100 over one connection. */
async function askOften(path: string, times: number): Promise<void> {
  using peer = await connectPeer(path);
  for (let asked = 0; asked < times; asked += 100) {
    await peer.send(`${REQUEST}\n`.repeat(100));
    for (let i = 0; i < 100; i++) assertEquals(await peer.line(), LICENSE_LINE);
  }
}

testWith([WINDOWS], "50 clients at once send 100,000 requests, and no handle leaks", async () => {
  await using running = await startServer();
  await askOften(running.path, 100);
  const before = handleCount();
  await Promise.all(Array.from({ length: 50 }, () => askOften(running.path, 2_000)));
  assertEquals(running.server.counters().connections_accepted, 51);
  while (running.server.counters().connections_open > 0) await systemClock.sleep(1);
  const grown = handleCount() - before;
  assert(grown <= 4, `${grown} handles more than before`);
});

testWith([WINDOWS], "silent clients do not delay others", async () => {
  await using running = await startServer();
  const silent = await Promise.all(Array.from({ length: 20 }, () => connectPeer(running.path)));
  assertEquals(await ask(running.path, REQUEST), LICENSE_LINE);
  for (const peer of silent) peer.conn.close();
});

testWith(
  [WINDOWS],
  "a second server of the same name is refused, and a squatter is detected",
  async () => {
    await using folder = await temporaryFolder();
    const { pipes } = selectPlatform();
    const name = testSocket(folder);
    const squatter = pipes!.listen(name)!;
    assertEquals(pipes!.listen(name), undefined);
    await assertRejects(() => claimSocket(name, { lockFolder: folder.path }), AlreadyServingError);
    squatter.close();
    await using claim = await claimSocket(name, { lockFolder: folder.path });
    assertEquals(claim.path, name);
  },
);

testWith(
  [WINDOWS],
  "a name that any other process has is refused, and free once that process has ended",
  async () => {
    await using folder = await temporaryFolder();
    const name = testSocket(folder);
    const claim = (platform = selectPlatform()) =>
      claimSocket(name, { lockFolder: folder.path, platform });
    {
      await using squatter = startProgram([name], { fixture: "hold_pipe.ts" });
      await squatter.stdout.match(/ready/);
      await assertRejects(() => claim(), AlreadyServingError);
      assertEquals(selectPlatform().pipes!.listen(name), undefined);
      const stranger = { ...selectPlatform(), userId: () => "S-1-5-21-1" };
      const error = await assertRejects(() => claim(stranger), SocketPathError);
      const owner = selectPlatform().userId();
      assertEquals(error.message, `Cannot serve ${name}: it belongs to user ${owner}`);
      squatter.kill("SIGKILL");
      await squatter.end();
    }
    await using claimed = await claim();
    assertEquals(claimed.path, name);
  },
);

testWith([WINDOWS], "the kernel identifies the user at each end to the other", async () => {
  await using folder = await temporaryFolder();
  const platform = selectPlatform();
  const name = testSocket(folder);
  const listener = platform.pipes!.listen(name)!;
  const [connection, accepted] = [platform.pipes!.connect(name), await listener.accept()];
  assert(connection.kind === "open");
  assertEquals(connection.owner, platform.userId());
  assertEquals(listener.identify(), { user: platform.userId(), pid: Deno.pid });
  using pinned = listener.pin();
  assert(pinned?.isAlive());
  connection.conn.close();
  assertEquals(await accepted.read(new Uint8Array(1)), null);
  accepted.close();
  listener.close();
});

testWith(
  [WINDOWS],
  "a client whose token comes with its first byte is identified after it, and not once closed",
  async () => {
    await using folder = await temporaryFolder();
    const platform = selectPlatform();
    const name = testSocket(folder);
    let hasRead = false, asked = 0;
    const listener = listenOnPipe(
      name,
      (pipe) => (asked++, hasRead ? readClientSid(pipe) : undefined),
    )!;
    const client = await connectLocal(name);
    const accepted = await listener.accept();
    const peer = listener.identify();
    assert(peer !== undefined && "identify" in peer);
    assertEquals([peer.pid, peer.identify()], [Deno.pid, undefined]);
    await client.write(new Uint8Array([7]));
    assertEquals(await accepted.read(new Uint8Array(8)), 1);
    hasRead = true;
    assertEquals(peer.identify(), { user: platform.userId(), pid: Deno.pid });
    accepted.close();
    // by then its handle may be another's
    assertEquals([peer.identify(), asked], [undefined, 3]);
    client.close();
    await endOf(listener);
  },
);

testWith(
  [WINDOWS],
  "300 clients of one pipe are there at once, and its name is free when all is closed",
  async () => {
    await using folder = await temporaryFolder();
    const name = testSocket(folder);
    const listener = listenOnPipe(name)!;
    const conns: LocalConn[] = [];
    for (let i = 0; i < 300; i++) conns.push(await connectLocal(name), await listener.accept());
    for (const conn of conns) conn.close();
    await endOf(listener);
    const next = listenOnPipe(name);
    assert(next !== undefined);
    await endOf(next);
  },
);

testWith(
  [WINDOWS],
  "unaccepted clients wait up to a limit; more are told to try again",
  async () => {
    await using folder = await temporaryFolder();
    const name = testSocket(folder);
    const listener = listenOnPipe(name)!;
    const { pipes } = selectPlatform();
    const conns: LocalConn[] = [];
    for (let tries = 0; tries < 20;) {
      const connection = pipes!.connect(name);
      if (connection.kind === "open") conns.push(connection.conn), tries = 0;
      else tries++;
      await systemClock.sleep(1);
    }
    assertEquals(conns.length, 64);
    const first = await listener.accept();
    conns.push(await connectLocal(name));
    first.close();
    for (const conn of conns.slice(1)) {
      (await listener.accept()).close();
      conn.close();
    }
    conns[0]!.close();
    await endOf(listener);
  },
);

testWith(
  [WINDOWS],
  "accept() after close() rejects once nothing is pending",
  async () => {
    await using folder = await temporaryFolder();
    const listener = listenOnPipe(testSocket(folder))!;
    listener.close();
    await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  },
);

testWith([WINDOWS], "an empty write is not read", async () => {
  await using folder = await temporaryFolder();
  const name = testSocket(folder);
  const listener = listenOnPipe(name)!;
  const client = await connectLocal(name);
  const accepted = await listener.accept();
  const bytes = new Uint8Array(8);
  const reading = accepted.read(bytes);
  await client.write(new Uint8Array(0));
  await client.write(new Uint8Array([0x53]));
  assertEquals([await reading, bytes[0]], [1, 0x53]);
  for (const conn of [client, accepted]) conn.close();
  await endOf(listener);
});

/** Closes a listener and waits until the system is done with it. */
async function endOf(listener: NonNullable<ReturnType<typeof listenOnPipe>>): Promise<void> {
  const accepting = listener.accept();
  listener.close();
  listener.close();
  await assertRejects(() => accepting, Deno.errors.Interrupted);
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
}
