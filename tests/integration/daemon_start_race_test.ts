// Not on Windows: the software is a shell script.
/** Daemons that start at the same moment. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";

/** `STARTS=50` for the whole of it; fewer where every minute counts. */
const STARTS = Number(Deno.env.get("STARTS") ?? 10);

interface Arbiter {
  readonly args: (harness: DaemonHarness, nth: number) => string[];
  /** The error of the daemon that loses. */
  readonly says: RegExp;
}

/** The settings that identify a daemon. */
const ARBITERS: Readonly<Record<string, Arbiter>> = {
  "PID file": { args: () => [], says: /another sentinel is running \(pid (?:\d+|unknown)\)\n$/ },
  "state folder": {
    args: (harness, nth) => ["--pid-file", harness.at(`${nth}.pid`)],
    says: /another sentinel is running for this license \(pid (?:\d+|unknown)\)\n$/,
  },
};

for (const [what, { args: argsOf, says }] of Object.entries(ARBITERS)) {
  Deno.test(`of two daemons of one ${what} that start at once exactly one runs, ${STARTS} times`, async () => {
    await using harness = await DaemonHarness.open();
    for (let round = 1; round <= STARTS; round++) {
      const args = [argsOf(harness, 1), argsOf(harness, 2)];
      const starts = await Promise.all(args.map((args) => harness.daemon("start", ...args)));
      assertEquals(starts.map(({ code }) => code).sort(), [0, 85], JSON.stringify(starts));
      const winner = starts.findIndex(({ code }) => code === 0);
      assertMatch(starts[1 - winner]!.stderr, says);
      const [, pid] = /pid (\d+)/.exec(starts[winner]!.stdout)!;
      const { stdout } = await harness.daemon("status", ...args[winner]!);
      assertStringIncludes(stdout, `running (pid ${pid})`);
      const stopped = await harness.daemon("stop", ...args[winner]!);
      assertEquals([stopped.code, stopped.stdout], [0, `daemon stopped (pid ${pid})\n`]);
      assertEquals((await harness.softwarePids(round)).length, round);
      await harness.requireNothingLeft();
    }
  });
}
