/** Daemons that start at the same moment. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { DaemonScene } from "../support/daemon_scene.ts";

/** `STARTS=50` for the whole of it; fewer where every minute counts. */
const STARTS = Number(Deno.env.get("STARTS") ?? 10);

/** What decides who runs. */
const ARBITERS: Readonly<Record<string, (nth: number) => string[]>> = {
  "the PID file decides": () => [],
  "the state folder decides": (nth) => ["--pid-file", `${nth}.pid`],
};

for (const [what, argumentsOf] of Object.entries(ARBITERS)) {
  Deno.test(`of two daemons that start at once exactly one runs, ${STARTS} times (${what})`, async () => {
    await using scene = await DaemonScene.arrive();
    for (let round = 1; round <= STARTS; round++) {
      const options = [1, 2].map((nth) =>
        argumentsOf(nth).map((word) => word.endsWith(".pid") ? scene.at(word) : word)
      );
      const starts = await Promise.all(options.map((args) => scene.daemon("start", ...args)));
      assertEquals(starts.map(({ code }) => code).sort(), [0, 85], JSON.stringify(starts));
      const winner = starts.findIndex(({ code }) => code === 0);
      const [, pid] = /pid (\d+)/.exec(starts[winner]!.stdout)!;
      const { stdout } = await scene.daemon("status", ...options[winner]!);
      assertStringIncludes(stdout, `running (pid ${pid})`);
      const stopped = await scene.daemon("stop", ...options[winner]!);
      assertEquals([stopped.code, stopped.stdout], [0, `daemon stopped (pid ${pid})\n`]);
      assertEquals((await scene.softwarePids(round)).length, round);
      await scene.requireNothingLeft();
    }
  });
}
