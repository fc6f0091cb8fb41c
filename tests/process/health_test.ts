import { assertEquals } from "@std/assert";
import { parseProbe } from "../../src/core/probe_spec.ts";
import { type CheckResult, judgeHealth, UNKNOWN_HEALTH } from "../../src/process/health.ts";
import { watchHealth } from "../../src/process/health_monitor.ts";
import { memoryCheck } from "../../src/process/memory_check.ts";
import { openProbe, type ProbeFunctions } from "../../src/process/probe.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { LaunchedShell } from "../support/launched_shell.ts";
import { openLibraries } from "../support/open_libraries.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

openLibraries();

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

Deno.test("memory of the whole tree is held to the limit", async () => {
  await using shell = await LaunchedShell.launch("sleep 1000 & echo child $!; wait");
  await shell.pid("child");
  const alone = shell.tree.dependencies.control.residentBytes(shell.child.pid);
  const whole = shell.tree.residentBytes();
  assertEquals(whole > alone && alone > 0, true);
  assertEquals(
    memoryCheck({ residentBytes: () => 3 * 2 ** 20 + 1 }, 3)(never),
    "uses 4 MiB of 3 MiB",
  );
  assertEquals(memoryCheck({ residentBytes: () => 3 * 2 ** 20 }, 3)(never), undefined);
});

const FUNCTIONS: ProbeFunctions = {
  ipc: () => undefined,
  tcp: (hostname, port) => () => `${hostname} ${port}`,
  http: (url) => () => url,
};

const check = (text: string, signal = never) =>
  openProbe(parseProbe(text)!, { functions: FUNCTIONS, searchPath: "/usr/bin:/bin" })?.(signal);

Deno.test("probes that need a network are the caller's", async () => {
  assertEquals(check("none"), undefined);
  assertEquals(await check("tcp:h:1"), "h 1");
  assertEquals(await check("http:http://h/"), "http://h/");
});

Deno.test("an exec probe fails unless it ends with 0, and may say what it likes", async () => {
  assertEquals(await check("exec:true"), undefined);
  assertEquals(await check("exec:false"), "exited: 1");
  assertEquals(await check("exec:seq 100000"), undefined);
});

testWith(
  [needsProgram("strace")],
  "an exec probe that has become another user's, as sudo does, is left alone",
  async () => {
    const { stdout, stderr } = await runProgram([], {
      fixture: "probe_without_time.ts",
      wrapper: ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=kill:error=EPERM"],
    });
    assertEquals([stdout, stderr], ["healthy\n", ""]);
  },
);

Deno.test("an exec probe is killed when its time is over", async () => {
  const over = new AbortController();
  const result = check("exec:sleep 1000", over.signal);
  over.abort();
  assertEquals(await result, "killed: SIGKILL");
});
