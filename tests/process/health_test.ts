import { assertEquals } from "@std/assert";
import { type CheckResult, judgeHealth, UNKNOWN_HEALTH } from "../../src/process/health.ts";
import { watchHealth } from "../../src/process/health.ts";
import { FakeClock } from "../support/fake_clock.ts";

const never = new AbortController().signal;

Deno.test("three failed rounds in a row make it unhealthy, one that went well begins anew", () => {
  let health = UNKNOWN_HEALTH;
  const round = (probe: CheckResult) => {
    health = judgeHealth(health, { results: { process: undefined, probe }, atMs: 5 });
    return [health.status, health.consecutiveFailures];
  };
  assertEquals(round(undefined), ["healthy", 0]);
  assertEquals(round("no"), ["healthy", 1]);
  assertEquals(round("no"), ["healthy", 2]);
  assertEquals(round(undefined), ["healthy", 0]);
  assertEquals(health.lastError, "probe: no");
  assertEquals([round("no"), round("no"), round("gone")].at(-1), ["unhealthy", 3]);
  assertEquals(health.lastError, "probe: gone");
  assertEquals(health.checks, { process: "ok", probe: "gone" });
  assertEquals(health.lastCheckMs, 5);
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

Deno.test("a check that does not answer is told so, has failed, and never overlaps itself", async () => {
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

Deno.test("a check that throws has failed", async () => {
  const clock = new FakeClock();
  const checks = { bad: () => Promise.reject(new Error("refused")) };
  const watching = watchHealth({ checks, clock, intervalMs: 10 }, never);
  await clock.advance(100);
  assertEquals((await watching).lastError, "bad: refused");
});

Deno.test("watchHealth() ends when it is told to, also in the middle of a check", async () => {
  const clock = new FakeClock();
  const asked = new AbortController();
  const checks = { endless: () => new Promise<undefined>(() => {}) };
  const watching = watchHealth({ checks, clock, intervalMs: 10 }, asked.signal);
  await clock.advance(15);
  asked.abort();
  assertEquals((await watching).status, "unknown");
  assertEquals(clock.sleeping, 0);
});
