import { systemClock } from "../../src/core/clock.ts";
import { handleCount } from "../../tests/support/handle_count.ts";
import { startServer, type TestServer } from "../../tests/support/ipc_server.ts";
import { connectLocal } from "../../tests/support/socket_peer.ts";
import { IS_WINDOWS } from "../../tests/support/system.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

const REQUEST = new TextEncoder().encode('{"method":"get_license"}\n');
const LINE_FEED = 0x0a;
const PIPELINED = 64, BATCHES = 500, ROUNDS = 5, LEAST = 10_000;
const CLIENTS = 50, REQUESTS = 102_400, MOST_HANDLES = 4;

/** Named pipes, on Windows alone; both ends in this process. */
async function measure(): Promise<BenchRow[]> {
  if (!IS_WINDOWS) return [];
  await using running = await startServer();
  const rates: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const rate = await pipelinedRate(running.path, BATCHES);
    if (round >= 0) rates.push(rate);
  }
  return [
    rateRow(`${PIPELINED} pipelined requests over a named pipe`, median(rates)),
    ...await crowd(running),
  ];
}

/** Many clients at once, and what handles they leave. */
async function crowd({ path, server }: TestServer): Promise<BenchRow[]> {
  const before = handleCount();
  const batches = REQUESTS / CLIENTS / PIPELINED;
  const began = performance.now();
  await Promise.all(Array.from({ length: CLIENTS }, () => pipelinedRate(path, batches)));
  const rate = REQUESTS / (performance.now() - began) * 1_000;
  while (server.counters().connections_open > 0) await systemClock.sleep(1);
  const left = handleCount() - before;
  return [
    rateRow(`${REQUESTS} requests of ${CLIENTS} clients at once`, rate),
    {
      name: "handles that they leave",
      figure: left,
      unit: "",
      bar: `at most ${MOST_HANDLES}`,
      met: left <= MOST_HANDLES,
    },
  ];
}

function rateRow(name: string, figure: number): BenchRow {
  return { name, figure, unit: "/s", bar: `at least ${LEAST}/s`, met: figure >= LEAST };
}

/** Requests a second of one client. */
async function pipelinedRate(path: string, batches: number): Promise<number> {
  const conn = await connectLocal(path);
  const batch = new Uint8Array(REQUEST.length * PIPELINED), answer = new Uint8Array(65_536);
  for (let i = 0; i < PIPELINED; i++) batch.set(REQUEST, i * REQUEST.length);
  const began = performance.now();
  for (let sent = 0; sent < batches; sent++) {
    await conn.write(batch);
    for (let lines = 0; lines < PIPELINED;) {
      const count = await conn.read(answer);
      if (count === null) throw new Error("the server closed the connection");
      lines += answer.subarray(0, count).filter((byte) => byte === LINE_FEED).length;
    }
  }
  conn.close();
  return batches * PIPELINED / (performance.now() - began) * 1_000;
}

export const bench: Bench = { measure };
