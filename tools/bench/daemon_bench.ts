/** The daemon: how soon it is ready and gone, and what it costs while nothing happens. */
import { fromFileUrl } from "@std/path";
import { generateKeyPairDer } from "../../src/signing/ecdsa.ts";
import { DaemonHarness } from "../../tests/support/daemon_harness.ts";
import { isRunning, residentBytes } from "../../tests/support/process_state.ts";
import { programLine, RunningProgram } from "../../tests/support/program.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";
import { readUsage, type Usage } from "./process_usage.ts";
import { bundleProgram } from "./bundle_program.ts";

const ROUNDS = 15;
const IDLE_SECONDS = 30;
/** Rounds of checks after which memory is looked at. */
const CHECKS = [5_000, 10_000] as const;
const CHECK_INTERVAL_MS = 2;
const POLL_MS = 500;

const READY_LIMIT = 3, STOP_LIMIT_MS = 150, CPU_LIMIT = 0.5, WAKEUPS_LIMIT = 10, GROWTH_LIMIT = 1.1;
const CLOCK_TICKS_PER_SECOND = 100;

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

async function measure(): Promise<BenchRow[]> {
  await using harness = await DaemonHarness.open();
  const main = await bundleProgram(harness.at("bundle"));
  return [
    ...await measureStartAndStop(harness, main),
    ...await measureIdle(harness, main),
    await measureMemory(harness, main),
  ];
}

/** In turns: an empty file, the bare runtime doing the license flow, and the daemon, started and stopped. */
async function measureStartAndStop(harness: DaemonHarness, main: string): Promise<BenchRow[]> {
  await Deno.writeTextFile(harness.at("empty.ts"), "");
  await Deno.writeFile(harness.at("machine_key"), (await generateKeyPairDer()).privateKey);
  const { folder, url } = harness.base;
  const bare = [`${ROOT}tests/fixtures/bare_start.ts`, folder.path, url, "/bin/true"];
  const times = { empty: [] as number[], bare: [] as number[], ready: [] as number[] };
  const stops: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const empty = await runMs(fromSource(harness.at("empty.ts"), []), harness);
    const flow = await runMs(fromSource(bare[0]!, bare.slice(1)), harness);
    const ready = await runMs(fromSource(main, harness.arguments(["start"])), harness);
    const stop = await stopMs(harness);
    if (round < 0) continue;
    times.empty.push(empty);
    times.bare.push(flow);
    times.ready.push(ready);
    stops.push(stop);
  }
  const [empty, flow, ready] = [median(times.empty), median(times.bare), median(times.ready)];
  const floor = empty + (flow - empty) / READY_LIMIT;
  return [{
    name: "daemon start, until it is ready (floor: an empty file, and a third of the license flow)",
    figure: ready,
    unit: "ms",
    floor,
    ratio: ready / floor,
    bar: `at most ${READY_LIMIT} × the floor`,
    met: ready <= READY_LIMIT * floor,
  }, {
    name: "stop of an idle daemon",
    figure: median(stops),
    unit: "ms",
    bar: `at most ${STOP_LIMIT_MS} ms`,
    met: median(stops) <= STOP_LIMIT_MS,
  }];
}

/** The runtime's arguments that run a file. */
function fromSource(entry: string, args: readonly string[]): string[] {
  return programLine(args, { copy: { deno: Deno.execPath(), entry } }).slice(1);
}

async function runMs(args: readonly string[], { programOptions }: DaemonHarness): Promise<number> {
  const began = performance.now();
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: [...args],
    env: programOptions.env ?? {},
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error(`Cannot run ${args.join(" ")}`);
  return performance.now() - began;
}

/** From SIGTERM to the moment at which the lock of the PID file is free. */
async function stopMs(harness: DaemonHarness): Promise<number> {
  const path = harness.at("runtime/sentinel/software.pid");
  const pid = Number(await Deno.readTextFile(path));
  using file = await Deno.open(path);
  const began = performance.now();
  Deno.kill(pid, "SIGTERM");
  await file.lock(false);
  const ms = performance.now() - began;
  // what it still does would slow down what is measured next
  while (await isRunning(pid)) continue;
  return ms;
}

async function measureIdle(harness: DaemonHarness, main: string): Promise<BenchRow[]> {
  await using daemon = await startDaemon(harness, main);
  const before = await readUsage(daemon.pid);
  await new Promise((resolve) => setTimeout(resolve, IDLE_SECONDS * 1000));
  const after = await readUsage(daemon.pid);
  const cpu = (after.ticks - before.ticks) / CLOCK_TICKS_PER_SECOND / IDLE_SECONDS * 100;
  const wakeups = wakeUps(before, after) / IDLE_SECONDS;
  return [{
    name: "an idle daemon's CPU",
    figure: cpu,
    unit: "%",
    bar: `at most ${CPU_LIMIT} %`,
    met: cpu <= CPU_LIMIT,
  }, {
    name: "an idle daemon's wake-ups, of all threads",
    figure: wakeups,
    unit: "/s",
    bar: `fewer than ${WAKEUPS_LIMIT}/s`,
    met: wakeups < WAKEUPS_LIMIT,
  }];
}

async function measureMemory(harness: DaemonHarness, main: string): Promise<BenchRow> {
  await harness.configure({
    tables: `[health]\ncheck_interval_ms = ${CHECK_INTERVAL_MS}\nmemory_limit_mb = 1000\n` +
      `restart_on_failure = false`,
  });
  await using daemon = await startDaemon(harness, main);
  const [early, late] = [
    await residentAfter(CHECKS[0], harness, daemon),
    await residentAfter(CHECKS[1], harness, daemon),
  ];
  return {
    name: `a daemon's memory after ${CHECKS[1]} checks of health (floor: after ${CHECKS[0]})`,
    figure: late,
    unit: "MiB",
    floor: early,
    ratio: late / early,
    bar: `at most ${GROWTH_LIMIT} × the floor`,
    met: late / early <= GROWTH_LIMIT,
  };
}

/** MiB after so many rounds of checks. */
async function residentAfter(
  checks: number,
  harness: DaemonHarness,
  { pid }: RunningProgram,
): Promise<number> {
  while (Number((await harness.facts("stats"))["health_checks"]) < checks) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return await residentBytes(pid) / 2 ** 20;
}

async function startDaemon(harness: DaemonHarness, main: string): Promise<RunningProgram> {
  await Deno.remove(harness.at("d.log"));
  const daemon = new RunningProgram(
    new Deno.Command(Deno.execPath(), {
      args: fromSource(main, harness.arguments(["start", "--foreground"])),
      env: harness.programOptions.env ?? {},
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
  await harness.logged(/starting -> running/);
  return daemon;
}

/** Of threads that are there in the end, also those that came meanwhile. */
function wakeUps(before: Usage, after: Usage): number {
  const counts = Array.from(
    after.switches,
    ([thread, count]) => count - (before.switches.get(thread) ?? 0),
  );
  return counts.reduce((sum, each) => sum + each, 0);
}

export const bench: Bench = { measure };
