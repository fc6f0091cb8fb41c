import { assertEquals } from "@std/assert";
import type { ServerAnswer } from "../../src/activation/answer.ts";
import { retryUnreachable } from "../../src/activation/retry.ts";
import { FakeClock } from "../support/fake_clock.ts";

const MINUTE_MS = 60_000;
const UNREACHABLE: ServerAnswer = { kind: "unreachable", why: "refused" };
const REFUSED: ServerAnswer = {
  kind: "refused",
  code: "machine_blocked",
  message: "no",
  respondedAtMs: 1,
};

const QUARTER_MS = 15 * MINUTE_MS;

interface Retrying {
  readonly clock: FakeClock;
  readonly askedAtMs: number[];
  readonly answer: Promise<ServerAnswer>;
}

function retry(
  answers: ServerAnswer[],
  { random = 1, spreadMs = QUARTER_MS, signal = new AbortController().signal } = {},
): Retrying {
  const clock = new FakeClock();
  const askedAtMs: number[] = [];
  const ask = () => {
    askedAtMs.push(clock.monotonicMs());
    return Promise.resolve(answers.shift() ?? UNREACHABLE);
  };
  const options = { spreadMs, limitMs: 4 * spreadMs, random: () => random };
  return { clock, askedAtMs, answer: retryUnreachable(ask, { ...options, clock, signal }) };
}

Deno.test("retries are spread over their time, the last at its end, each pause at most twice the one before", async () => {
  const { clock, askedAtMs, answer } = retry([]);
  await clock.advance(4 * QUARTER_MS);
  assertEquals(await answer, UNREACHABLE);
  assertEquals(askedAtMs, [0, 30_000, 90_000, 210_000, 450_000, QUARTER_MS]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("the pauses of a short time are short, too", async () => {
  const { clock, askedAtMs, answer } = retry([], { spreadMs: 16_000 });
  await clock.advance(64_000);
  await answer;
  assertEquals(askedAtMs, [0, 4_000, 12_000, 16_000]);
});

Deno.test("the delays have full jitter", async () => {
  const { clock, askedAtMs, answer } = retry([], { random: 0.1 });
  await clock.advance(4 * QUARTER_MS);
  await answer;
  assertEquals(askedAtMs.slice(0, 4), [0, 3_000, 9_000, 21_000]);
});

Deno.test("tries that take long are made as often as they must be", async () => {
  const clock = new FakeClock();
  let tries = 0;
  const slow = (signal: AbortSignal) => {
    tries++;
    return clock.sleep(30_000, signal).then(() => UNREACHABLE);
  };
  const options = { spreadMs: 15_000, limitMs: 10 * MINUTE_MS, clock };
  const { signal } = new AbortController();
  const answer = retryUnreachable(slow, { ...options, random: () => 1, signal });
  await clock.advance(10 * MINUTE_MS);
  await answer;
  assertEquals(tries, 4);
});

Deno.test("the first failure is reported once, and only if there is one", async () => {
  const clock = new FakeClock();
  const told: string[] = [];
  const answers = [UNREACHABLE, UNREACHABLE, REFUSED, REFUSED];
  const options = {
    ...{ spreadMs: 1000, limitMs: MINUTE_MS, clock, random: () => 1 },
    ...{ signal: new AbortController().signal, onFirstFailure: (why: string) => told.push(why) },
  };
  const ask = () => Promise.resolve(answers.shift()!);
  const first = retryUnreachable(ask, options);
  await clock.advance(MINUTE_MS);
  assertEquals([await first, told], [REFUSED, ["refused"]]);
  assertEquals([await retryUnreachable(ask, options), told], [REFUSED, ["refused"]]);
});

Deno.test("an answer of the server, even a refusal, is not retried", async () => {
  const { clock, askedAtMs, answer } = retry([UNREACHABLE, REFUSED]);
  await clock.advance(4 * QUARTER_MS);
  assertEquals(await answer, REFUSED);
  assertEquals(askedAtMs.length, 2);
});

Deno.test("retries end at their deadline", async () => {
  const clock = new FakeClock();
  const answer = retryUnreachable(
    (signal) => clock.sleep(MINUTE_MS, signal).then(() => UNREACHABLE),
    {
      ...{ spreadMs: 90_000, limitMs: 90_000 },
      ...{ clock, random: () => 0, signal: new AbortController().signal },
    },
  );
  await clock.advance(90_000);
  assertEquals(await answer, UNREACHABLE);
  assertEquals(clock.sleeping, 0);
});

Deno.test("an aborted retry says nothing about the server: the previous error is reported", async () => {
  const stop = new AbortController();
  const answers: ServerAnswer[] = [UNREACHABLE, { kind: "unreachable", why: "stopped" }];
  const asked = () => {
    if (answers.length === 1) stop.abort();
    return Promise.resolve(answers.shift()!);
  };
  const clock = new FakeClock();
  const options = {
    ...{ spreadMs: MINUTE_MS, limitMs: MINUTE_MS },
    ...{ clock, random: () => 0, signal: stop.signal },
  };
  const answer = retryUnreachable(asked, options);
  await clock.advance(MINUTE_MS);
  assertEquals(await answer, UNREACHABLE);
  assertEquals(answers, []);
});

Deno.test("retries end at once when they are aborted", async () => {
  const stop = new AbortController();
  const { clock, askedAtMs, answer } = retry([], { signal: stop.signal });
  await clock.advance(1);
  stop.abort();
  assertEquals(await answer, UNREACHABLE);
  assertEquals(askedAtMs, [0]);
  assertEquals(clock.sleeping, 0);
});

Deno.test("a server that asks for a pause gets it", async () => {
  const busy: ServerAnswer = { kind: "unreachable", why: "busy", retryAfterMs: 100_000 };
  const { clock, askedAtMs, answer } = retry([busy]);
  await clock.advance(100_000);
  assertEquals(askedAtMs, [0, 100_000]);
  await clock.advance(4 * QUARTER_MS);
  assertEquals(await answer, UNREACHABLE);
});

Deno.test("a server that asks for a longer pause than the retries take is not asked again", async () => {
  const busy: ServerAnswer = { kind: "unreachable", why: "busy", retryAfterMs: QUARTER_MS + 1 };
  const { askedAtMs, answer } = retry([busy]);
  assertEquals([await answer, askedAtMs], [busy, [0]]);
});
