import { startServer } from "../support/ipc_server.ts";
import { connectLocal } from "../support/socket_peer.ts";
import { IS_WINDOWS } from "../support/system.ts";
import type { Bench, BenchRow } from "./bench_row.ts";

const REQUEST = new TextEncoder().encode('{"method":"get_license"}\n');
const LINE_FEED = 0x0a;
const PIPELINED = 64, BATCHES = 500, ROUNDS = 5, LEAST = 10_000;

/** Named pipes, on Windows alone; both ends in this process. */
async function measure(): Promise<BenchRow[]> {
  if (!IS_WINDOWS) return [];
  await using running = await startServer();
  const rates: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const rate = await pipelinedRate(running.path);
    if (round >= 0) rates.push(rate);
  }
  const figure = rates.sort((a, b) => a - b)[ROUNDS >> 1]!;
  return [{
    name: `${PIPELINED} pipelined requests over a named pipe`,
    figure,
    unit: "/s",
    bar: `at least ${LEAST}/s`,
    met: figure >= LEAST,
  }];
}

async function pipelinedRate(path: string): Promise<number> {
  const conn = await connectLocal(path);
  const batch = new Uint8Array(REQUEST.length * PIPELINED), answer = new Uint8Array(65_536);
  for (let i = 0; i < PIPELINED; i++) batch.set(REQUEST, i * REQUEST.length);
  const began = performance.now();
  for (let sent = 0; sent < BATCHES; sent++) {
    await conn.write(batch);
    for (let lines = 0; lines < PIPELINED;) {
      const count = await conn.read(answer) ?? 0;
      lines += answer.subarray(0, count).filter((byte) => byte === LINE_FEED).length;
    }
  }
  conn.close();
  return BATCHES * PIPELINED / (performance.now() - began) * 1_000;
}

export const bench: Bench = { measure };
