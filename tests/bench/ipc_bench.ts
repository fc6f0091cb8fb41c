import { fromFileUrl } from "@std/path";
import { PERMISSIONS } from "../support/permissions.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

/** One measured figure beside its floor, the bare echo in the same run, and the bar that it is held to. */
export interface BenchFigure {
  readonly name: string;
  readonly figure: string;
  readonly floor: string;
  readonly ratio: number | undefined;
  readonly bar: string;
  readonly met: boolean;
}

const REQUEST = new TextEncoder().encode('{"method":"get_license"}\n');
const ANSWER = new Uint8Array(65_536);
const LINE_FEED = 0x0a;
const PIPELINED = 64;
const ROUNDS = 12;
const SERVER = fromFileUrl(new URL("./ipc_bench_server.ts", import.meta.url));

/** Measures the licence's socket against a bare `Deno.listen` echo in one server process, in turns. */
export async function benchIpc(): Promise<BenchFigure[]> {
  const figures: BenchFigure[] = [];
  for (const bench of [benchPingPong, benchPipelined, benchConnect, benchFairness]) {
    await using server = await startServer();
    figures.push(await bench(server));
  }
  return [...figures, ...await benchMemory()];
}

async function startServer(): Promise<Paths & AsyncDisposable> {
  const folder = await temporaryFolder();
  const paths = { ipc: folder.at("sentinel-bench.sock"), echo: folder.at("echo.sock") };
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, SERVER, paths.ipc, paths.echo],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const stdout = child.stdout.getReader();
  await stdout.read();
  return {
    ...paths,
    async [Symbol.asyncDispose]() {
      await child.stdin.close();
      await stdout.cancel();
      await child.status;
      await folder[Symbol.asyncDispose]();
    },
  };
}

interface Paths {
  readonly ipc: string;
  readonly echo: string;
}

async function benchPingPong(paths: Paths): Promise<BenchFigure> {
  const [ipc, echo] = await inTurns(paths, async (path) => {
    using conn = await Deno.connect({ transport: "unix", path });
    const samples: number[] = [];
    for (let i = 0; i < 1000; i++) {
      const start = performance.now();
      await exchange(conn, REQUEST, { lines: 1 });
      samples.push((performance.now() - start) * 1000);
    }
    return median(samples.slice(100));
  });
  return compare("ping-pong get_license, median", { ipc, echo, unit: "µs", most: 1.3 });
}

async function benchPipelined(paths: Paths): Promise<BenchFigure> {
  const batch = new Uint8Array(REQUEST.length * PIPELINED);
  for (let i = 0; i < PIPELINED; i++) batch.set(REQUEST, i * REQUEST.length);
  const [ipc, echo] = await inTurns(paths, async (path) => {
    using conn = await Deno.connect({ transport: "unix", path });
    const batches = 1500;
    const start = performance.now();
    for (let i = 0; i < batches; i++) await exchange(conn, batch, { lines: PIPELINED });
    return batches * PIPELINED / (performance.now() - start) * 1000;
  });
  return {
    name: "64 pipelined get_license",
    figure: `${Math.round(ipc)}/s`,
    floor: `${Math.round(echo)}/s`,
    ratio: ipc / echo,
    bar: "at least 500000/s",
    met: ipc >= 500_000,
  };
}

async function benchConnect(paths: Paths): Promise<BenchFigure> {
  const [ipc, echo] = await inTurns(paths, async (path) => {
    const samples: number[] = [];
    for (let i = 0; i < 300; i++) {
      const start = performance.now();
      {
        using conn = await Deno.connect({ transport: "unix", path });
        await exchange(conn, REQUEST, { lines: 1 });
      }
      samples.push((performance.now() - start) * 1000);
    }
    return median(samples.slice(30));
  });
  return compare("connect, authenticate, request, close, median", {
    ipc,
    echo,
    unit: "µs",
    most: 1.5,
  });
}

const CROWD = 200;

/** 200 clients at once, each asking one thing after the other for two seconds. */
async function benchFairness({ ipc, echo }: Paths): Promise<BenchFigure> {
  const floor = slowestShare(await askAtOnce(echo, { forMs: 2000 }));
  const share = slowestShare(await askAtOnce(ipc, { forMs: 2000 }));
  return {
    name: "200 connections: slowest client's share of the median's",
    figure: share.toFixed(2),
    floor: floor.toFixed(2),
    ratio: share / floor,
    bar: "at least 0.5",
    met: share >= 0.5,
  };
}

/** Each in a fresh process: what 200 connections take that have asked once, and what two seconds of asking add. */
async function benchMemory(): Promise<BenchFigure[]> {
  const [held, heldEcho] = [await grownMib("ipc", 0), await grownMib("echo", 0)];
  const [busy, busyEcho] = [await grownMib("ipc", 2000), await grownMib("echo", 2000)];
  const figure = (name: string, mib: number, floorMib: number) => ({
    name: `200 connections, resident memory over idle: ${name}`,
    figure: `${mib.toFixed(1)} MiB`,
    floor: `${floorMib.toFixed(1)} MiB`,
    ratio: mib / floorMib,
    bar: "at most 10 MiB",
    met: mib <= 10,
  });
  return [
    figure("each asked once", held, heldEcho),
    figure("after two seconds of asking", busy, busyEcho),
  ];
}

async function grownMib(which: keyof Paths, forMs: number): Promise<number> {
  await using server = await startServer();
  const idleBytes = await residentBytes(server.ipc);
  let grownBytes = 0;
  await askAtOnce(server[which], {
    forMs,
    atTheEnd: async () => grownBytes = await residentBytes(server.ipc) - idleBytes,
  });
  return grownBytes / 2 ** 20;
}

/** How often each of the clients was answered. */
async function askAtOnce(
  path: string,
  { forMs, atTheEnd }: { forMs: number; atTheEnd?: () => Promise<unknown> },
): Promise<number[]> {
  const conns = await Promise.all(
    Array.from({ length: CROWD }, () => Deno.connect({ transport: "unix", path })),
  );
  const counts = new Array<number>(CROWD).fill(0);
  const untilMs = performance.now() + forMs;
  await Promise.all(conns.map(async (conn, i) => {
    const answer = new Uint8Array(1024);
    do {
      await exchange(conn, REQUEST, { lines: 1, answer });
      counts[i]!++;
    } while (performance.now() < untilMs);
  }));
  await atTheEnd?.();
  for (const conn of conns) conn.close();
  return counts;
}

function slowestShare(counts: readonly number[]): number {
  return Math.min(...counts) / median(counts);
}

async function residentBytes(path: string): Promise<number> {
  using conn = await Deno.connect({ transport: "unix", path });
  await conn.write(new TextEncoder().encode('{"method":"stats"}\n'));
  const bytes = new Uint8Array(4096);
  const count = await conn.read(bytes) ?? 0;
  return JSON.parse(new TextDecoder().decode(bytes.subarray(0, count))).rss;
}

/** Writes a batch and reads until so many lines have come back. */
async function exchange(
  conn: Deno.UnixConn,
  batch: Uint8Array,
  { lines, answer = ANSWER }: { lines: number; answer?: Uint8Array },
): Promise<void> {
  for (let at = 0; at < batch.length;) at += await conn.write(batch.subarray(at));
  for (let left = lines; left > 0;) {
    const count = await conn.read(answer);
    if (count === null) throw new Error("the server closed the connection");
    left -= countLines(answer.subarray(0, count));
  }
}

function countLines(bytes: Uint8Array): number {
  let lines = 0;
  for (let at = bytes.indexOf(LINE_FEED); at !== -1; at = bytes.indexOf(LINE_FEED, at + 1)) lines++;
  return lines;
}

/** The medians of rounds that take turns, so that what else the machine does hits both. */
async function inTurns(
  { ipc, echo }: Paths,
  measure: (path: string) => Promise<number>,
): Promise<[ipc: number, echo: number]> {
  const ours: number[] = [], floors: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    floors.push(await measure(echo));
    ours.push(await measure(ipc));
  }
  return [median(ours), median(floors)];
}

function compare(
  name: string,
  { ipc, echo, unit, most }: { ipc: number; echo: number; unit: string; most: number },
): BenchFigure {
  return {
    name,
    figure: `${ipc.toFixed(1)} ${unit}`,
    floor: `${echo.toFixed(1)} ${unit}`,
    ratio: ipc / echo,
    bar: `at most ${most} × the echo`,
    met: ipc / echo <= most,
  };
}

export const bench: Bench = { measure: async () => (await benchIpc()).map(toRow) };

function toRow({ name, figure, floor, ratio, bar, met }: BenchFigure): BenchRow {
  const unit = figure.replace(/^[\d.]+\s*/, "");
  return {
    name: `ipc: ${name}`,
    figure: parseFloat(figure),
    unit,
    floor: parseFloat(floor),
    ...(ratio !== undefined && { ratio }),
    bar,
    met,
  };
}
