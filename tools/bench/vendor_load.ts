import { readUsage, TICKS_PER_SECOND } from "./process_usage.ts";

/**
 * Sends requests that are already signed over keep-alive connections and times each answer. Arguments: host, port, the
 * server's pid, a file with one JSON array of raw HTTP requests per connection, and how many of each are warm-up. Prints
 * `{"rate", "p50Ms", "p99Ms"}`, the rate per CPU-second of the server; ends with status 1 on an answer that is not 200.
 */
const [hostname = "", port = "", pid = "", file = "", warmUp = "0"] = Deno.args;
const lanes: string[][] = JSON.parse(await Deno.readTextFile(file));
const encoder = new TextEncoder(), decoder = new TextDecoder();
const prepared = lanes.map((lane) => lane.map((request) => encoder.encode(request)));

/** Reads one answer that has a Content-Length; gives its status line. */
async function readAnswer(conn: Deno.Conn, buffer: Uint8Array): Promise<string> {
  let length = 0;
  while (true) {
    const count = await conn.read(buffer.subarray(length));
    if (count === null) throw new Error("the server hung up");
    length += count;
    const text = decoder.decode(buffer.subarray(0, length));
    const head = text.indexOf("\r\n\r\n");
    if (head < 0) continue;
    const body = Number(/content-length: (\d+)/i.exec(text)?.[1]);
    if (length >= head + 4 + body) return text.slice(0, text.indexOf("\r\n"));
  }
}

async function run(lane: Uint8Array<ArrayBuffer>[], conn: Deno.Conn): Promise<number[]> {
  const buffer = new Uint8Array(16 * 1024), times: number[] = [];
  for (const request of lane) {
    const start = performance.now();
    await conn.write(request);
    const status = await readAnswer(conn, buffer);
    if (!status.includes(" 200 ")) throw new Error(`the server answered ${status}`);
    times.push(performance.now() - start);
  }
  return times;
}

const conns = await Promise.all(
  prepared.map(() => Deno.connect({ hostname, port: Number(port) })),
);
const first = Number(warmUp);
await Promise.all(prepared.map((lane, i) => run(lane.slice(0, first), conns[i]!)));
const before = await readUsage(Number(pid));
const times = (await Promise.all(prepared.map((lane, i) => run(lane.slice(first), conns[i]!))))
  .flat().sort((a, b) => a - b);
const { ticks } = await readUsage(Number(pid));
const rate = times.length / (ticks - before.ticks) * TICKS_PER_SECOND;
for (const conn of conns) conn.close();
const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))]!;
const figures = { rate, p50Ms: at(0.5), p99Ms: at(0.99) };
await Deno.stdout.write(encoder.encode(JSON.stringify(figures)));
