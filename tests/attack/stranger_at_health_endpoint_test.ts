// Not on Windows: the software is a shell script, and a shell lowers the limit of descriptors.
/**
 * The attacker is another user of the machine, and opens more connections to a daemon's health endpoint than the daemon may have
 * descriptors, to end it, or so that a monitor finds it dead and restarts it. They give way to newer ones.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { ConnectionFlood, connectTo, withDescriptors } from "../support/connection_flood.ts";
import { DaemonHarness } from "../support/daemon_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { freePort } from "../support/free_port.ts";
import { isRunning } from "../support/process_state.ts";
import { POSIX, testWith } from "../support/requirements.ts";

const DESCRIPTORS = 200, FLOOD = 260;

/** How long a monitor waits for its answer here. */
const PATIENCE_MS = 2_500;

/** What a monitor is answered during the flood, and after it; what the daemon's log says of connections; and how it ends. */
async function attack(doubles?: Doubles) {
  const port = freePort();
  await using harness = await DaemonHarness.open({
    tables: `[health]\nlisten = "127.0.0.1:${port}"`,
  });
  await using daemon = harness.start({ wrapper: withDescriptors(DESCRIPTORS), doubles });
  const [pid] = await harness.softwarePids(1);
  const ask = async () => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/health`, {
        // a connection that is kept needs no admission
        headers: { connection: "close" },
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      return (await answer.json()).state;
    } catch {
      return undefined;
    }
  };
  // the endpoint is opened after the software has started
  while (await ask() !== "running");
  const states: unknown[] = [];
  {
    using flood = await ConnectionFlood.open(connectTo(port), FLOOD);
    states.push(await ask());
    void flood;
  }
  states.push(await ask());
  const isSoftwareRunning = await isRunning(pid!);
  daemon.kill("SIGTERM");
  const { code } = await daemon.end();
  const lines = (await harness.log()).split("\n").filter((line) => /connections of/.test(line));
  await harness.requireNothingLeft();
  return { states, isSoftwareRunning, code, lines };
}

testWith(
  [POSIX],
  "a flood of its health endpoint does not end a daemon, nor its endpoint",
  async () => {
    const { lines: [line, ...others], ...rest } = await attack();
    assertEquals(rest, { states: ["running", "running"], isSoftwareRunning: true, code: 0 });
    assertMatch(line!, /WARNING: \d+ connections of 127\.0\.0\.1 refused in the last minute$/);
    assertEquals(others, []);
  },
);

testWith([POSIX], "if all are admitted, a monitor finds the daemon dead: the attack", async () => {
  const { states } = await attack({
    "src/net/admission.ts": [["if (mustMakeRoom) {", "if (mustMakeRoom && false) {"]],
  });
  assertEquals(states, [undefined, undefined]);
});
