import { assertEquals } from "@std/assert";
import { type Health, watchHealth } from "../../src/process/health.ts";
import { FakeClock } from "../support/fake_clock.ts";

const never = new AbortController().signal;

Deno.test("three failed rounds in a row make it unhealthy, and a passed round starts over", async () => {
  const clock = new FakeClock();
  const probes = [undefined, "no", "no", undefined, "no", "no", "gone"];
  const rounds: Health[] = [];
  const checks = { process: () => undefined, probe: () => probes[rounds.length] };
  const onChecked = (health: Health) => void rounds.push(health);
  const watching = watchHealth({ checks, clock, intervalMs: 5, onChecked }, never);
  await clock.advance(5 * probes.length);
  assertEquals(rounds.map(({ consecutiveFailures }) => consecutiveFailures), [0, 1, 2, 0, 1, 2, 3]);
  assertEquals(new Set(rounds.slice(0, -1).map(({ status }) => status)), new Set(["healthy"]));
  assertEquals(rounds[3]!.lastError, "probe: no");
  assertEquals(await watching, {
    status: "unhealthy",
    consecutiveFailures: 3,
    lastCheckMs: clock.wallMs(),
    lastError: "probe: gone",
    checks: { process: "ok", probe: "gone" },
  });
});

Deno.test("watchHealth() checks at every interval and ends when it is unhealthy", async () => {
  const clock = new FakeClock();
  const atMs: number[] = [];
  const checks = {
    probe: () => {
      atMs.push(clock.monotonicMs());
      return atMs.length > 2 ? "down" : undefined;
    },
  };
  const watching = watchHealth({ checks, clock, intervalMs: 100 }, never);
  await clock.advance(1_000);
  const { status, lastError } = await watching;
  assertEquals([status, lastError], ["unhealthy", "probe: down"]);
  assertEquals(atMs, [100, 200, 300, 400, 500]);
});

Deno.test("a check that does not answer is aborted, fails, and never overlaps itself", async () => {
  const clock = new FakeClock();
  let running = 0, most = 0, told = 0;
  const checks = {
    slow: async (signal: AbortSignal) => {
      most = Math.max(most, ++running);
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve());
      await promise;
      told++;
      running--;
      return undefined;
    },
  };
  const watching = watchHealth({ checks, clock, intervalMs: 100, timeoutMs: 250 }, never);
  await clock.advance(2_000);
  assertEquals((await watching).lastError, "slow: no answer within 250 ms");
  assertEquals([most, told], [1, 3]);
});

Deno.test("a check that throws fails", async () => {
  const clock = new FakeClock();
  const checks = { bad: () => Promise.reject(new Error("refused")) };
  const watching = watchHealth({ checks, clock, intervalMs: 10 }, never);
  await clock.advance(100);
  assertEquals((await watching).lastError, "bad: refused");
});

Deno.test("watchHealth() ends when its signal aborts, even during a check", async () => {
  const clock = new FakeClock();
  const asked = new AbortController();
  const checks = { endless: () => new Promise<undefined>(() => {}) };
  const watching = watchHealth({ checks, clock, intervalMs: 10 }, asked.signal);
  await clock.advance(15);
  asked.abort();
  assertEquals((await watching).status, "unknown");
  assertEquals(clock.sleeping, 0);
});
