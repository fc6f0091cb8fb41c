import { fromFileUrl } from "@std/path";
import { PERMISSIONS } from "../../tests/support/permissions.ts";
import { temporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

const REQUEST = new TextEncoder().encode('{"method":"get_license"}\n');
const ANSWER = new Uint8Array(65_536);
const LINE_FEED = 0x0a;
const PIPELINED = 64;
const ROUNDS = 12;
const SERVER = fromFileUrl(new URL("./ipc_bench_server.ts", import.meta.url));

/** Each is measured in a server of its own. */
const PARTS = [measurePingPong, measurePipelined, measureConnect, measureDelay, measureFairness];

/** Measures the license's socket against a bare `Deno.listen` echo in one server process, in turns. */
async function measure(): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const part of PARTS) {
    await using server = await startServer();
    rows.push(await part(server));
  }
  return [...rows, ...await measureMemory()];
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

async function measurePingPong(paths: Paths): Promise<BenchRow> {
  const [ipc, echo] = await inTurns(paths, async (path) => {
    using conn = await Deno.connect({ transport: "unix", path });
    return await medianAnswer(conn);
  });
  return compare("ping-pong get_license, median", { ipc, echo, most: 1.3 });
}

/** Microseconds that an answer takes to one who asks again and again. */
async function medianAnswer(conn: Deno.UnixConn): Promise<number> {
  const samples: number[] = [];
  for (let i = 0; i < 1000; i++) {
    const start = performance.now();
    await exchange(conn, REQUEST, { lines: 1 });
    samples.push((performance.now() - start) * 1000);
  }
  return median(samples.slice(100));
}

const SILENT = 500, FLOOD = 20_000, MOST_DELAY_MS = 5;

/** What peers cost another that only hold their connections, one that has not written its line yet, and one that never reads. */
async function measureDelay({ ipc: path }: Paths): Promise<BenchRow> {
  using conns = new DisposableStack();
  const connect = async () => conns.use(await Deno.connect({ transport: "unix", path }));
  const peer = await connect();
  const alone = await medianAnswer(peer);
  for (let i = 0; i < SILENT; i++) await connect();
  const [slow, deaf] = [await connect(), await connect()];
  await slow.write(REQUEST.subarray(0, 1));
  const flood = new Uint8Array(REQUEST.length * FLOOD).map((_, i) => REQUEST[i % REQUEST.length]!);
  const flooding = exchange(deaf, flood, { lines: 0 }).catch(() => {});
  const beside = await medianAnswer(peer);
  conns.dispose();
  await flooding;
  return {
    name: `ipc: an answer beside ${SILENT} silent peers, a slow and a deaf one, median`,
    figure: beside,
    unit: "µs",
    floor: alone,
    ratio: beside / alone,
    bar: `at most ${MOST_DELAY_MS} ms more than alone`,
    met: beside - alone <= MOST_DELAY_MS * 1000,
  };
}

async function measurePipelined(paths: Paths): Promise<BenchRow> {
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
    name: `ipc: ${PIPELINED} pipelined get_license`,
    figure: ipc,
    unit: "/s",
    floor: echo,
    ratio: ipc / echo,
    bar: "at least 500000/s",
    met: ipc >= 500_000,
  };
}

async function measureConnect(paths: Paths): Promise<BenchRow> {
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
  return compare("connect, authenticate, request, close, median", { ipc, echo, most: 1.5 });
}

const CROWD = 200;

/** 200 clients at once, each asking one thing after the other for two seconds. */
async function measureFairness({ ipc, echo }: Paths): Promise<BenchRow> {
  const floor = slowestShare(await askAtOnce(echo, { forMs: 2000 }));
  const share = slowestShare(await askAtOnce(ipc, { forMs: 2000 }));
  return {
    name: `ipc: ${CROWD} connections: slowest client's share of the median's`,
    figure: share,
    unit: "",
    floor,
    ratio: share / floor,
    bar: "at least 0.5",
    met: share >= 0.5,
  };
}

/** Each in a fresh process: what 200 connections take that have asked once, and what two seconds of asking add. */
async function measureMemory(): Promise<BenchRow[]> {
  const [held, heldEcho] = [await grownMib("ipc", 0), await grownMib("echo", 0)];
  const [busy, busyEcho] = [await grownMib("ipc", 2000), await grownMib("echo", 2000)];
  const row = (name: string, mib: number, floorMib: number): BenchRow => ({
    name: `ipc: ${CROWD} connections, resident memory over idle: ${name}`,
    figure: mib,
    unit: "MiB",
    floor: floorMib,
    ratio: mib / floorMib,
    bar: "at most 10 MiB",
    met: mib <= 10,
  });
  return [
    row("each asked once", held, heldEcho),
    row("after two seconds of asking", busy, busyEcho),
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

/** Of microseconds. */
function compare(
  name: string,
  { ipc, echo, most }: { ipc: number; echo: number; most: number },
): BenchRow {
  return {
    name: `ipc: ${name}`,
    figure: ipc,
    unit: "µs",
    floor: echo,
    ratio: ipc / echo,
    bar: `at most ${most} × the echo`,
    met: ipc / echo <= most,
  };
}

export const bench: Bench = { measure };
