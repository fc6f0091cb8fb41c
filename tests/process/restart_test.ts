import { assert, assertEquals } from "@std/assert";
import { keepRunning, type ProcessRun } from "../../src/process/restart.ts";
import {
  decideRestart,
  FRESH_RESTART_STATE,
  type RestartPolicy,
  type RunEnd,
} from "../../src/process/restart.ts";
import { FakeClock } from "../support/fake_clock.ts";

const POLICY: RestartPolicy = {
  restartOnFailure: true,
  finalExitCodes: [0, 3],
  restartDelayMs: 0,
  maxRestartAttempts: 12,
};
const CRASH: RunEnd = { kind: "exited", code: 1, healthyMs: 0 };
const least = () => 0;

const decide = (end: RunEnd, policy: Partial<RestartPolicy> = {}, attempts = 0) =>
  decideRestart({ attempts }, end, { policy: { ...POLICY, ...policy }, random: least });

Deno.test("the first restart is at once, the next ones twice as late each time, up to a minute", () => {
  const delays: number[] = [];
  let state = FRESH_RESTART_STATE;
  for (;;) {
    const decision = decideRestart(state, CRASH, { policy: POLICY, random: least });
    if (decision.kind !== "restart") {
      assertEquals(decision, { kind: "give_up", attempts: 12 });
      break;
    }
    delays.push(decision.delayMs);
    state = decision.state;
  }
  assertEquals(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000]);
});

Deno.test("jitter takes away up to a quarter", () => {
  const decision = decideRestart({ attempts: 4 }, CRASH, { policy: POLICY, random: () => 0.999 });
  assert(decision.kind === "restart");
  assert(decision.delayMs > 600 && decision.delayMs < 601, String(decision.delayMs));
});

Deno.test("a run that was healthy for ten seconds makes the next restart the first one", () => {
  const after = (healthyMs: number) => decide({ kind: "unhealthy", healthyMs }, {}, 12);
  assertEquals(after(9_999), { kind: "give_up", attempts: 12 });
  assertEquals(after(10_000), { kind: "restart", delayMs: 0, state: { attempts: 1 } });
});

Deno.test("the cool-down is the least delay", () => {
  assertEquals(decide(CRASH, { restartDelayMs: 250 }), {
    kind: "restart",
    delayMs: 250,
    state: { attempts: 1 },
  });
  assertEquals(decide(CRASH, { restartDelayMs: 250 }, 4), {
    kind: "restart",
    delayMs: 800,
    state: { attempts: 5 },
  });
});

for (const code of [0, 3]) {
  Deno.test(`exit status ${code} is final where it is named`, () => {
    assertEquals(decide({ kind: "exited", code, healthyMs: 0 }), { kind: "final" });
    assertEquals(
      decide({ kind: "exited", code, healthyMs: 0 }, { finalExitCodes: [] }).kind,
      "restart",
    );
  });
}

for (
  const end of [CRASH, { kind: "killed", code: 137, healthyMs: 0 }, {
    kind: "not_launched",
  }] as RunEnd[]
) {
  Deno.test(`${end.kind} is restarted, and is final where restarts are off`, () => {
    assertEquals(decide(end).kind, "restart");
    assertEquals(decide(end, { restartOnFailure: false }), { kind: "final" });
  });
}

Deno.test("a restart that was asked for is at once, and counts as no attempt", () => {
  const end: RunEnd = { kind: "asked", healthyMs: 0 };
  const restart = { kind: "restart", delayMs: 0, state: { attempts: 4 } } as const;
  assertEquals(decide(end, { restartOnFailure: false, restartDelayMs: 500 }, 4), restart);
});

Deno.test("a restart that waits is woken by who asks for one", async () => {
  const clock = new FakeClock();
  const asked = new AbortController(), wake = new AbortController();
  let starts = 0;
  const over = keepRunning({
    policy: () => ({ ...POLICY, restartDelayMs: 60_000 }),
    clock,
    random: least,
    wake: () => wake.signal,
    start: () => {
      if (++starts === 2) asked.abort();
      return Promise.resolve({ ended: Promise.resolve({ ...CRASH }) } as ProcessRun);
    },
  }, asked.signal);
  await clock.sleepers(1);
  wake.abort();
  assertEquals(await over, { kind: "asked" });
  assertEquals([starts, clock.monotonicMs()], [2, 0]);
});

Deno.test("a ten-minute crash loop has as many starts as the back-off says", async () => {
  const clock = new FakeClock();
  const asked = new AbortController();
  const startsMs: number[] = [];
  const over = keepRunning({
    policy: () => ({ ...POLICY, maxRestartAttempts: Infinity }),
    clock,
    random: least,
    start: () => {
      startsMs.push(clock.monotonicMs());
      return Promise.resolve({ ended: Promise.resolve({ ...CRASH }) } as ProcessRun);
    },
  }, asked.signal);
  await clock.advance(600_000);
  asked.abort();
  assertEquals(await over, { kind: "asked" });
  // the first two at 0 s, ten more until 102.3 s, then one every minute
  assertEquals(startsMs.slice(0, 5), [0, 0, 100, 300, 700]);
  assertEquals(startsMs.slice(10, 13), [51_100, 102_300, 162_300]);
  assertEquals(startsMs.length, 20);
});

Deno.test("what is kept running is never there twice; each restart is told, and the end tells why", async () => {
  const clock = new FakeClock();
  let running = 0, starts = 0;
  const start = (): Promise<ProcessRun> => {
    assertEquals(++running, 1);
    starts++;
    const ended = clock.sleep(50).then(() => {
      running--;
      return { ...CRASH } as Exclude<RunEnd, { kind: "not_launched" }>;
    });
    return Promise.resolve({ ended });
  };
  const policy = () => ({ ...POLICY, maxRestartAttempts: 3 });
  const restarts: unknown[] = [];
  const over = keepRunning({
    ...{ policy, clock, random: least, start },
    onRestart: (restart) => restarts.push(restart),
  }, new AbortController().signal);
  await clock.advance(10_000);
  assertEquals(await over, { kind: "give_up", attempts: 3, end: CRASH });
  assertEquals(starts, 4);
  assertEquals(restarts, [
    { attempt: 1, delayMs: 0, end: CRASH },
    { attempt: 2, delayMs: 100, end: CRASH },
    { attempt: 3, delayMs: 200, end: CRASH },
  ]);
});
