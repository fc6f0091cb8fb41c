import { assertEquals } from "@std/assert";
import type { ServerAnswer } from "../../src/activation/answer.ts";
import { retryUnreachable } from "../../src/activation/retry.ts";
import { FakeClock } from "../support/fake_clock.ts";

const MINUTE_MS = 60_000;
const UNREACHABLE: ServerAnswer = { kind: "unreachable", why: "refused" };
const REFUSED: ServerAnswer = { kind: "refused", message: "no", signed: true };

interface Retrying {
  readonly clock: FakeClock;
  readonly askedAtMs: number[];
  readonly answer: Promise<ServerAnswer>;
}

function retry(
  answers: ServerAnswer[],
  { random = 1, withinMs = 16 * MINUTE_MS, signal = new AbortController().signal } = {},
): Retrying {
  const clock = new FakeClock();
  const askedAtMs: number[] = [];
  const ask = () => {
    askedAtMs.push(clock.monotonicMs());
    return Promise.resolve(answers.shift() ?? UNREACHABLE);
  };
  const answer = retryUnreachable(ask, {
    withinMs,
    clock,
    random: () => random,
    signal,
  });
  return { clock, askedAtMs, answer };
}

Deno.test("an unreachable server is asked three times more, each pause at most twice the one before", async () => {
  const { clock, askedAtMs, answer } = retry([]);
  await clock.advance(16 * MINUTE_MS);
  assertEquals(await answer, UNREACHABLE);
  assertEquals(askedAtMs, [0, 30_000, 90_000, 210_000]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the pauses of a short interval are short, too", async () => {
  const { clock, askedAtMs, answer } = retry([], { withinMs: 160_000 });
  await clock.advance(160_000);
  await answer;
  assertEquals(askedAtMs, [0, 10_000, 30_000, 70_000]);
});

Deno.test("the pauses have full jitter", async () => {
  const { clock, askedAtMs, answer } = retry([], { random: 0.1 });
  await clock.advance(16 * MINUTE_MS);
  await answer;
  assertEquals(askedAtMs, [0, 3_000, 9_000, 21_000]);
});

Deno.test("the server's word, even a refusal, is not asked for again", async () => {
  const { clock, askedAtMs, answer } = retry([UNREACHABLE, REFUSED]);
  await clock.advance(16 * MINUTE_MS);
  assertEquals(await answer, REFUSED);
  assertEquals(askedAtMs.length, 2);
});

Deno.test("the tries end with their time", async () => {
  const clock = new FakeClock();
  const answer = retryUnreachable(
    (signal) => clock.sleep(MINUTE_MS, signal).then(() => UNREACHABLE),
    { withinMs: 90_000, clock, random: () => 0, signal: new AbortController().signal },
  );
  await clock.advance(90_000);
  assertEquals(await answer, UNREACHABLE);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a try that is cut short says nothing of the server: the one before does", async () => {
  const stop = new AbortController();
  const answers: ServerAnswer[] = [UNREACHABLE, { kind: "unreachable", why: "stopped" }];
  const asked = () => {
    if (answers.length === 1) stop.abort();
    return Promise.resolve(answers.shift()!);
  };
  const clock = new FakeClock();
  const options = { withinMs: MINUTE_MS, clock, random: () => 0, signal: stop.signal };
  assertEquals(await retryUnreachable(asked, options), UNREACHABLE);
  assertEquals(answers, []);
});

Deno.test("the tries end at once when they are stopped", async () => {
  const stop = new AbortController();
  const { clock, askedAtMs, answer } = retry([], { signal: stop.signal });
  await clock.advance(1);
  stop.abort();
  assertEquals(await answer, UNREACHABLE);
  assertEquals(askedAtMs, [0]);
  assertEquals(clock.sleeping, 0);
});
