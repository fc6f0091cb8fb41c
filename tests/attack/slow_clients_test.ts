// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker takes all connections of the socket and sends a byte now and then, so that the software cannot ask for its
 * license. A message has its time from its first byte to its last; who takes longer is cut off, and his place is free.
 */
import { assertEquals } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import type { RunningProgram } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { ask, connectPeer, type SocketPeer } from "../support/socket_peer.ts";

const PLACES = 4, READ_TIMEOUT_MS = 1_000;
const HEALTH = '{"method":"health"}';

/** Takes all places, and waits until their time is over; what the software is answered before and after that. */
async function crowd(
  untilOver: (run: RunningProgram, crowd: readonly SocketPeer[]) => Promise<unknown>,
  doubles?: Doubles,
): Promise<(string | undefined)[]> {
  await using harness = await AttackHarness.open();
  await harness.script("software", "echo up; exec sleep 1000");
  const path = harness.at("runtime/s.sock");
  const config = `[ipc]\npath = "${path}"\nread_timeout_ms = ${READ_TIMEOUT_MS}\n` +
    `max_connections = ${PLACES}\n`;
  await using run = harness.start({ config, doubles });
  await run.stdout.match(/up/);
  await using places = new AsyncDisposableStack();
  const peers: SocketPeer[] = [];
  for (let i = 0; i < PLACES; i++) {
    const peer = places.use(await connectPeer(path));
    // answered, so it is in
    await peer.send(`${HEALTH}\n`);
    await peer.line();
    peers.push(peer);
  }
  for (const peer of peers) await peer.send("{");
  const before = await ask(path, HEALTH).catch(() => undefined);
  await untilOver(run, peers);
  return [before, await ask(path, HEALTH).catch(() => undefined)];
}

testWith([POSIX], "clients that hold all connections as long as possible lose them", async () => {
  const cutOff = (_: RunningProgram, peers: readonly SocketPeer[]) =>
    Promise.all(peers.map((peer) => peer.rest()));
  assertEquals(await crowd(cutOff), [undefined, '{"status":"ok"}']);
});

testWith(
  [POSIX],
  "if no client is cut off, the software is never answered: the attack",
  async () => {
    const overdue = (run: RunningProgram) =>
      run.stderr.match(new RegExp(`(?:waiting on\\n){${PLACES}}`));
    const doubles = { "src/ipc/limits.ts": "patient_deadlines.ts" };
    assertEquals(await crowd(overdue, doubles), [undefined, undefined]);
  },
);
