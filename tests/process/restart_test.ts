import { assert, assertEquals } from "@std/assert";
import {
  keepRunning,
  type ProcessRun,
  type RestartPolicy,
  type RunEnd,
} from "../../src/process/restart.ts";
import { systemClock } from "../../src/core/clock.ts";
import { FakeClock } from "../support/fake_clock.ts";

const POLICY: RestartPolicy = {
  restartOnFailure: true,
  finalExitCodes: [0, 3],
  restartDelayMs: 0,
  maxRestartAttempts: 12,
};
const CRASH: RunEnd = { kind: "exited", code: 1, healthyMs: 0 };
const least = () => 0;

const CRASHES: readonly RunEnd[] = Array(12).fill(CRASH);

/** Runs that end so, one after another. Resolves with the delays of the restarts and how it ended; `asked`: no run is left. */
async function keep(
  ends: readonly RunEnd[],
  { random = least, ...policy }: Partial<RestartPolicy> & { random?: () => number } = {},
) {
  const waiting = [...ends];
  const over = new AbortController();
  const delays: number[] = [];
  const { kind } = await keepRunning({
    policy: () => ({ ...POLICY, ...policy }),
    clock: { ...systemClock, sleep: () => Promise.resolve() },
    random,
    start() {
      const end = waiting.shift();
      if (end === undefined) over.abort();
      const run = { ended: Promise.resolve(end) } as ProcessRun;
      return Promise.resolve(end?.kind === "not_launched" ? undefined : run);
    },
    onRestart: ({ delayMs }) => delays.push(delayMs),
  }, over.signal);
  return { kind, delays };
}

Deno.test("the first restart is immediate, and the delay doubles with each later one, up to a minute", async () => {
  const { kind, delays } = await keep([...CRASHES, CRASH]);
  assertEquals(kind, "give_up");
  assertEquals(delays, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 51200, 60000]);
});

Deno.test("jitter shortens a delay by up to a quarter", async () => {
  const { delays } = await keep(CRASHES.slice(0, 5), { random: () => 0.999 });
  assert(delays[4]! > 600 && delays[4]! < 601, String(delays));
});

Deno.test("after a run that was healthy for ten seconds, the next restart counts as the first", async () => {
  const after = (healthyMs: number) => keep([...CRASHES, { kind: "unhealthy", healthyMs }]);
  assertEquals((await after(9_999)).kind, "give_up");
  const { kind, delays } = await after(10_000);
  assertEquals([kind, delays.at(-1)], ["asked", 0]);
});

Deno.test("the configured delay is the shortest", async () => {
  const { delays } = await keep(CRASHES.slice(0, 5), { restartDelayMs: 250 });
  assertEquals(delays, [250, 250, 250, 400, 800]);
});

for (const code of [0, 3]) {
  Deno.test(`exit status ${code} is final if it is configured as final`, async () => {
    const end: RunEnd = { kind: "exited", code, healthyMs: 0 };
    assertEquals(await keep([end]), { kind: "final", delays: [] });
    assertEquals((await keep([end], { finalExitCodes: [] })).delays, [0]);
  });
}

const ENDS: readonly RunEnd[] = [
  CRASH,
  { kind: "killed", code: 137, healthyMs: 0 },
  { kind: "not_launched" },
];

for (const end of ENDS) {
  Deno.test(`${end.kind} is restarted, and is final if restarts are off`, async () => {
    assertEquals(await keep([end]), { kind: "asked", delays: [0] });
    assertEquals((await keep([end], { restartOnFailure: false })).kind, "final");
  });
}

Deno.test("a requested restart is immediate and does not count as an attempt", async () => {
  const asked: RunEnd = { kind: "asked", healthyMs: 0 };
  const { delays } = await keep([CRASH, CRASH, asked, CRASH], { restartDelayMs: 50 });
  assertEquals(delays, [50, 100, 0, 200]);
  assertEquals((await keep([asked], { restartOnFailure: false })).delays, [0]);
});

Deno.test("a requested restart ends the delay of a pending one", async () => {
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

Deno.test("a crash loop of ten minutes has the starts that the back-off allows", async () => {
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

Deno.test("only one run exists at a time; each restart is reported, and the end says why", async () => {
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
