import { assertEquals, assertThrows } from "@std/assert";
import { AlreadyServingError } from "../../src/ipc/errors.ts";
import { serveIpc } from "../../src/ipc/server.ts";
import { claimSocket } from "../../src/ipc/socket_owner.ts";
import type { Platform } from "../../src/platform/contract.ts";
import type { AcceptedPeers, LocalConn, LocalListener } from "../../src/platform/local_socket.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { PIPE_PREFIX, platformWithPipes } from "../support/fake_pipes.ts";
import { LICENSE, startServer } from "../support/ipc_server.ts";
import { RecordingLog } from "../support/recording_log.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const OWN_PEER = { user: selectPlatform().userId(), pid: Deno.pid };

/** This system with another way to identify peers. */
function platformThatTells(identify: AcceptedPeers["identify"]): Platform {
  const trackPeers = () => ({ identify, pin: () => undefined });
  return { ...selectPlatform(), trackPeers };
}

/** A pipe with the clients or failures that a test gives, and no others. */
function listenerOf(arrivals: (LocalConn | Error)[]): LocalListener & AcceptedPeers {
  const closed = Promise.withResolvers<never>();
  return {
    accept() {
      const next = arrivals.shift();
      if (next === undefined) return closed.promise;
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
    },
    identify: () => OWN_PEER,
    pin: () => undefined,
    close: () => closed.reject(new Deno.errors.BadResource("closed")),
  };
}

testWith(
  [POSIX],
  "a peer that the system cannot identify is refused, and logged at DEBUG",
  async () => {
    await using running = await startServer({ platform: platformThatTells(() => undefined) });
    using peer = await connectPeer(running.path);
    assertEquals(await peer.line(), undefined);
    const message = "debug ipc connection refused: its peer is unknown";
    assertEquals(running.log.lines("debug"), [message]);
    assertEquals(running.server.counters().connections_refused, 1);
  },
);

testWith(
  [POSIX],
  "if identifying a peer fails, it is refused, and the next is served",
  async () => {
    let asked = 0;
    const platform = platformThatTells(() => {
      if (asked++ === 0) throw new Error("getsockopt: Bad file descriptor");
      return OWN_PEER;
    });
    await using running = await startServer({ platform });
    using peer = await connectPeer(running.path);
    assertEquals(await peer.line(), undefined);
    assertEquals(await ask(running.path, '{"method":"health"}'), '{"status":"ok"}');
    const message = "error ipc cannot identify a peer: getsockopt: Bad file descriptor";
    assertEquals(running.log.lines("debug"), [message]);
  },
);

testWith([POSIX], "a failed accept is logged and retried", async () => {
  const served = Promise.withResolvers<void>();
  const conn: LocalConn = {
    read: () => (served.resolve(), Promise.resolve(null)),
    write: () => Promise.resolve(0),
    close: () => {},
  };
  const clock = new FakeClock();
  const listener = listenerOf([new Error("Too many open files"), conn]);
  const platform = platformWithPipes({ listen: () => listener });
  await using running = await startServer({ platform, clock });
  await clock.sleepers(1);
  assertEquals(running.log.lines("debug"), [
    "warn ipc cannot accept a connection: Too many open files",
  ]);
  await clock.advance(50);
  await served.promise;
});

testWith([POSIX], "a connection that fails is closed and logged", async () => {
  const closed = Promise.withResolvers<void>();
  const conn: LocalConn = {
    read: () => Promise.reject(new Error("Input/output error")),
    write: () => Promise.resolve(0),
    close: () => closed.resolve(),
  };
  const platform = platformWithPipes({ listen: () => listenerOf([conn]) });
  await using running = await startServer({ platform });
  await closed.promise;
  assertEquals(running.log.lines("debug"), ["error ipc connection failed: Input/output error"]);
});

testWith([POSIX], "a pipe that another process creates after the claim is not served", async () => {
  await using folder = await temporaryFolder();
  const platform = platformWithPipes({});
  const path = `${PIPE_PREFIX}sentinel-m1`;
  await using claim = await claimSocket(path, { platform, lockFolder: folder.path });
  const options = { claim, license: LICENSE, log: new RecordingLog(), random: () => 1, platform };
  assertThrows(() => serveIpc(options), AlreadyServingError);
});
