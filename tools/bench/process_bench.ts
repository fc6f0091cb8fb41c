import { createHash } from "node:crypto";
import { cpuUsage } from "node:process";
import { systemClock } from "../../src/core/clock.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { keepRunning } from "../../src/process/restart.ts";
import { launch } from "../../src/process/launch.ts";
import { OutputLog } from "../../src/process/output/log.ts";
import { readOutput } from "../../src/process/output/reader.ts";
import { OutputWriter } from "../../src/process/output/writer.ts";
import { ProcessTable } from "../../src/process/process_table.ts";
import { recordOutput } from "../../src/process/output/writer.ts";
import { temporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

const ROUNDS = 3, STARTS = 40;
const OUTPUT_BYTES = 2 ** 30, READERS = 10;
const CRASH_LOOP_MS = 20_000;
const PIPE_BYTES = 2 ** 20;
const UP = { command: "/bin/sh", args: ["-c", "echo up; exec sleep 1000"], env: {} };
const WRITER = { path: "/bin/sh", args: ["-c", `exec head -c ${OUTPUT_BYTES} /dev/zero`], env: {} };

const control = await selectPlatform().processControl();

/** Measures the process library against the bare runtime. */
async function measure(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const part of [measureStarts, measureRecording, measureReaders, measureCrashLoop]) {
    rows.push(...await part());
  }
  return rows;
}

async function openTable(folder: string): Promise<ProcessTable> {
  const table = await ProcessTable.open(folder, {
    control,
    clock: systemClock,
    ownPid: Deno.pid,
    newLaunchToken: () => crypto.randomUUID(),
  });
  if (table === undefined) throw new Error("the folder is taken");
  return table;
}

/** The first byte of a process of the table, as a reader of its output gets it. */
async function firstByte(table: ProcessTable, id: string): Promise<void> {
  const reader = readOutput((await table.output(id))!);
  await reader.next();
  await reader.return();
}

async function measureStarts(): Promise<BenchRow[]> {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.path);
  const bare: number[] = [], launched: number[] = [];
  const recorded: number[] = [], replaced: number[] = [];
  let { id, identity } = await table.start(UP);
  await firstByte(table, id);
  for (let i = 0; i < STARTS; i++) {
    bare.push(await bareFirstByteMs());
    launched.push(await launchedFirstByteMs());
    recorded.push(await timed(async () => await firstByte(table, (await table.start(UP)).id)));
    replaced.push(
      await timed(async () => {
        Deno.kill(identity!.pid, "SIGKILL");
        await table.ended(id);
        ({ id, identity } = await table.start(UP));
        await firstByte(table, id);
      }),
    );
  }
  const floor = median(bare);
  const compare = (name: string, samples: readonly number[], mostMs: number): BenchRow => {
    const figure = median(samples);
    const bar = `at most ${mostMs} ms over Deno.Command`;
    return {
      name,
      figure,
      unit: "ms",
      floor,
      ratio: figure / floor,
      bar,
      met: figure - floor <= mostMs,
    };
  };
  const again = median(replaced);
  return [
    compare("launch to first byte", launched, 2),
    {
      ...compare("the same of the table, recorded and read back", recorded, 2),
      bar: "none",
      met: true,
    },
    {
      name: "kill -9 to the replacement's first byte, recorded and read back",
      figure: again,
      unit: "ms",
      floor,
      ratio: again / floor,
      bar: "at most 20 ms",
      met: again <= 20,
    },
  ];
}

/** Its end takes as long again, and is none of the figure. */
async function launchedFirstByteMs(): Promise<number> {
  const began = performance.now();
  const child = await launch({ path: UP.command, args: UP.args, env: {}, output: "pipe" });
  const reader = child.output!.stdout.getReader();
  await reader.read();
  const ms = performance.now() - began;
  Deno.kill(-child.pid, "SIGKILL");
  await Promise.all([reader.cancel(), child.output!.stderr.cancel(), child.exited]);
  return ms;
}

async function bareFirstByteMs(): Promise<number> {
  const began = performance.now();
  const child = new Deno.Command(UP.command, { args: UP.args, stdout: "piped", detached: true })
    .spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  const ms = performance.now() - began;
  Deno.kill(-child.pid, "SIGKILL");
  await reader.cancel();
  await child.status;
  return ms;
}

async function measureRecording(): Promise<BenchRow[]> {
  const ours: number[] = [], floors: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    floors.push(rate(await timed(readBare)));
    await using folder = await temporaryFolder();
    ours.push(rate(await timed(() => record(new OutputLog(folder.path)))));
  }
  const ratio = median(ours.map((value, i) => value / floors[i]!));
  return [{
    name: `recording ${OUTPUT_BYTES / 2 ** 20} MiB`,
    figure: median(ours),
    unit: "MiB/s",
    floor: median(floors),
    ratio,
    bar: "at least 0.4 × a loop that throws away what it reads",
    met: ratio >= 0.4,
  }];
}

async function readBare(): Promise<void> {
  const child = await launch({ ...WRITER, output: "pipe" });
  const reader = child.output!.stdout.getReader({ mode: "byob" });
  let buffer = new ArrayBuffer(65_536);
  for (;;) {
    const { value, done } = await reader.read(new Uint8Array(buffer));
    if (done || value === undefined) break;
    buffer = value.buffer;
  }
  await child.output!.stderr.cancel();
  await child.exited;
}

async function record(log: OutputLog): Promise<void> {
  const child = await launch({ ...WRITER, output: "pipe" });
  control.widenPipe(child.pid, 1, PIPE_BYTES);
  const writer = new OutputWriter(log, { clock: systemClock, maxOutputBytes: 2 * OUTPUT_BYTES });
  await recordOutput(child.output!, writer, { clock: systemClock, exited: child.exited });
}

async function measureReaders(): Promise<BenchRow[]> {
  const alone: number[] = [], nine: number[] = [];
  let isEqual = true, grownMib = 0;
  for (let i = 0; i < ROUNDS; i++) {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at("one"));
    const one = new OutputLog(folder.at("one"));
    alone.push(await timed(() => Promise.all([drop(one), record(one)])));
    // a digest takes five times as long as the reading
    const isHashed = i === 0;
    const expected = isHashed ? await digest(one) : "";
    await Deno.remove(folder.at("one"), { recursive: true });
    await Deno.mkdir(folder.at("ten"));
    const ten = new OutputLog(folder.at("ten"));
    const idleBytes = Deno.memoryUsage().rss;
    const stalled = readOutput(ten);
    const hash = createHash("sha256");
    nine.push(
      await timed(async () => {
        const recording = record(ten);
        await take(stalled, hash);
        await Promise.all(Array.from({ length: READERS - 1 }, () => drop(ten)));
        await recording;
      }),
    );
    grownMib = Math.max(grownMib, (Deno.memoryUsage().rss - idleBytes) / 2 ** 20);
    if (isHashed) {
      while (await take(stalled, hash));
      const digests = await Promise.all(Array.from({ length: READERS - 1 }, () => digest(ten)));
      isEqual = [...digests, hash.digest("hex")].every((value) => value === expected);
    } else await stalled.return();
  }
  const ratio = median(nine.map((value, i) => value / alone[i]!));
  return [
    {
      name: `nine readers following beside one that is stopped${isEqual ? "" : ": DIGESTS DIFFER"}`,
      figure: median(nine),
      unit: "ms",
      floor: median(alone),
      ratio,
      bar: "at most 4 × one reader alone, all digests equal",
      met: ratio <= 4 && isEqual,
    },
    {
      name: "resident memory with ten readers, over idle",
      figure: grownMib,
      unit: "MiB",
      bar: "at most 64 MiB",
      met: grownMib <= 64,
    },
  ];
}

async function digest(log: OutputLog): Promise<string> {
  const hash = createHash("sha256");
  const reader = readOutput(log);
  while (await take(reader, hash));
  return hash.digest("hex");
}

/** Follows to the end. */
async function drop(log: OutputLog): Promise<void> {
  for await (const _ of readOutput(log));
}

/** Reads one item into the hash; whether there was one. */
async function take(
  reader: ReturnType<typeof readOutput>,
  hash: ReturnType<typeof createHash>,
): Promise<boolean> {
  const { value, done } = await reader.next();
  if (value?.kind === "bytes") hash.update(value.bytes);
  return done !== true;
}

async function measureCrashLoop(): Promise<BenchRow[]> {
  await using folder = await temporaryFolder();
  await using table = await openTable(folder.path);
  const before = cpuUsage();
  const start = async () => {
    const { id } = await table.start({ command: "/bin/false", args: [], env: {} });
    const ended = table.ended(id).then((record) =>
      ({ kind: "exited", code: record?.exitCode ?? 0, healthyMs: 0 }) as const
    );
    return { ended };
  };
  const policy = () => ({
    restartOnFailure: true,
    finalExitCodes: [],
    restartDelayMs: 0,
    maxRestartAttempts: Infinity,
  });
  await keepRunning(
    { policy, clock: systemClock, random: Math.random, start },
    AbortSignal.timeout(CRASH_LOOP_MS),
  );
  const { user, system } = cpuUsage(before);
  const percent = (user + system) / 1000 / CRASH_LOOP_MS * 100;
  return [{
    name: `crash loop of ${CRASH_LOOP_MS / 1000} s, our CPU`,
    figure: percent,
    unit: "%",
    bar: "below 5 %",
    met: percent < 5,
  }];
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function rate(ms: number): number {
  return OUTPUT_BYTES / 2 ** 20 / (ms / 1000);
}

export const bench: Bench = { measure };
