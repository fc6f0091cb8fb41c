import { connect, type ConnectionOptions } from "node:tls";
import { systemClock } from "../../src/core/clock.ts";
import { RemoteClient } from "../../src/remote/client.ts";
import { residentBytes } from "../../tests/support/process_state.ts";
import { startProgram } from "../../tests/support/program.ts";
import {
  RemoteProgramHarness,
  type ServingRemote,
} from "../../tests/support/remote_program_harness.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";

const ROUNDS = 3;
const STREAM_BYTES = 2 ** 30, CLIENT_BYTES = 2 ** 27, CLIENTS = 10;
const STOPPED_MS = 10_000;
const LINES = 300, LINE_EVERY_MS = 10;
const HANDSHAKES = 200, AT_ONCE = 4;

/** Both servers, and how to reach them; `curl` is the client, as ours would be measured with them. */
interface Scene {
  readonly setup: RemoteProgramHarness;
  readonly server: ServingRemote;
  readonly floorPort: number;
}

async function measure(): Promise<BenchRow[]> {
  await using setup = await RemoteProgramHarness.open();
  await using server = await setup.serve();
  await using floor = startProgram(
    [setup.files.server.certificate, setup.files.server.key, setup.authority.certificate],
    { fixture: "../../tools/bench/remote_floor_server.ts" },
  );
  const [, port] = await floor.stdout.match(/^port (\d+)\n/);
  const scene = { setup, server, floorPort: Number(port) };
  const rows: BenchRow[] = [];
  for (const part of [measureStream, measureClients, measureDelay, measureHandshakes]) {
    rows.push(...await part(scene));
  }
  return rows;
}

async function measureStream(scene: Scene): Promise<BenchRow[]> {
  const client = await clientOf(scene);
  const idleBytes = await residentBytes(scene.server.program.pid);
  const id = await client.start("head", ["-c", String(STREAM_BYTES), "/dev/zero"]);
  const fetchAll = () => fetchOutput(scene, id, STREAM_BYTES);
  const live = rate(STREAM_BYTES, await timed(fetchAll));
  const ours: number[] = [], floors: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    floors.push(rate(STREAM_BYTES, await timed(() => fetchFloor(scene, STREAM_BYTES))));
    ours.push(rate(STREAM_BYTES, await timed(fetchAll)));
  }
  const grown = (await residentBytes(scene.server.program.pid) - idleBytes) / 2 ** 20;
  return [
    ratioRow("streaming 1 GiB of recorded output to one client", { ours, floors, least: 0.6 }),
    {
      name: "streaming 1 GiB while it is written and recorded",
      figure: live,
      unit: "MiB/s",
      floor: median(floors),
      ratio: live / median(floors),
      bar: "none",
      met: true,
    },
    {
      name: "resident memory of the server after 4 GiB, over idle",
      figure: grown,
      unit: "MiB",
      bar: "at most 64 MiB",
      met: grown <= 64,
    },
  ];
}

async function measureClients(scene: Scene): Promise<BenchRow[]> {
  const client = await clientOf(scene);
  const id = await client.start("head", ["-c", String(CLIENT_BYTES), "/dev/zero"]);
  const fetchAll = () => fetchOutput(scene, id, CLIENT_BYTES);
  await fetchAll();
  const all = Array.from({ length: CLIENTS });
  const ours: number[] = [], floors: number[] = [], beside: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const floorMs = await timed(() => Promise.all(all.map(() => fetchFloor(scene, CLIENT_BYTES))));
    floors.push(rate(CLIENTS * CLIENT_BYTES, floorMs));
    const ms = await timed(() => Promise.all(all.map(fetchAll)));
    ours.push(rate(CLIENTS * CLIENT_BYTES, ms));
  }
  const goOn = await stopInTheMiddle(scene, id);
  const enough = systemClock.sleep(STOPPED_MS);
  for (let i = 0; i < ROUNDS; i++) {
    const ms = await timed(() => Promise.all(all.slice(1).map(fetchAll)));
    beside.push(rate((CLIENTS - 1) * CLIENT_BYTES, ms));
  }
  await enough;
  await goOn();
  const ratio = median(beside) / median(ours);
  return [
    ratioRow("ten clients together", { ours, floors, least: 0.6 }),
    {
      name: "nine clients beside one that is stopped for 10 s",
      figure: median(beside),
      unit: "MiB/s",
      floor: median(ours),
      ratio,
      bar: "at least 0.8 × the ten",
      met: ratio >= 0.8,
    },
  ];
}

/** A child that says when it writes, on the clock that all processes of the machine have. */
const TELL_TIME =
  `let n = 0; const tell = () => { Deno.stdout.writeSync(new TextEncoder().encode(` +
  `(performance.timeOrigin + performance.now()) + "\\n")); ` +
  `if (++n === ${LINES}) clearInterval(timer); }; const timer = setInterval(tell, ${LINE_EVERY_MS});`;

async function measureDelay(scene: Scene): Promise<BenchRow[]> {
  const client = await clientOf(scene);
  const script = scene.setup.folder.at("tell_time.js");
  await Deno.writeTextFile(script, TELL_TIME);
  const id = await client.start(Deno.execPath(), ["run", "--quiet", "--no-config", script]);
  const delays: number[] = [];
  for await (const item of client.stream(id)) {
    const now = performance.timeOrigin + performance.now();
    if (item.kind !== "bytes") continue;
    for (const line of new TextDecoder().decode(item.bytes).trim().split("\n")) {
      delays.push(now - Number(line));
    }
  }
  const figure = median(delays);
  return [{
    name: "from the child's write to the client's read, median",
    figure,
    unit: "ms",
    bar: "under 5 ms",
    met: figure < 5,
  }];
}

async function measureHandshakes(scene: Scene): Promise<BenchRow[]> {
  const ours: number[] = [], floors: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    floors.push(await handshakeRate(scene, scene.floorPort));
    ours.push(await handshakeRate(scene, scene.server.port));
  }
  const row = ratioRow("full mTLS handshakes, each with a request", { ours, floors, least: 0.5 });
  return [{ ...row, unit: "/s" }];
}

async function handshakeRate({ setup }: Scene, port: number): Promise<number> {
  const options = {
    host: "127.0.0.1",
    port,
    servername: "server",
    ca: await Deno.readTextFile(setup.authority.certificate),
    cert: await Deno.readTextFile(setup.files.watch.certificate),
    key: await Deno.readTextFile(setup.files.watch.key),
  };
  let left = HANDSHAKES;
  const ms = await timed(() =>
    Promise.all(Array.from({ length: AT_ONCE }, async () => {
      while (left-- > 0) await askOnce(options);
    }))
  );
  return HANDSHAKES / (ms / 1000);
}

function askOnce(options: ConnectionOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(options, () => {
      socket.write("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    });
    let text = "";
    socket.on("data", (chunk: Uint8Array) => text += new TextDecoder().decode(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      if (text.startsWith("HTTP/1.1 200")) resolve();
      else reject(new Error(`no answer: ${text}`));
    });
  });
}

async function clientOf({ setup, server }: Scene): Promise<RemoteClient> {
  return new RemoteClient({
    address: "127.0.0.1",
    port: server.port,
    certificate: await Deno.readTextFile(setup.files.ops.certificate),
    key: await Deno.readTextFile(setup.files.ops.key),
    trust: {
      kind: "authority",
      certificateAuthority: await Deno.readTextFile(setup.authority.certificate),
      serverName: undefined,
    },
    clock: systemClock,
  });
}

function outputPath(id: string): string {
  return `/v1/processes/${id}/output?follow=1`;
}

async function fetchOutput(scene: Scene, id: string, bytes: number): Promise<void> {
  await finished(curl(scene, { port: scene.server.port, path: outputPath(id) }).spawn(), bytes);
}

async function fetchFloor(scene: Scene, bytes: number): Promise<void> {
  await finished(curl(scene, { port: scene.floorPort, path: `/${bytes}` }).spawn(), bytes);
}

/** A client that stands still once its answer has begun; the function that it returns has it fetch the rest. */
async function stopInTheMiddle(scene: Scene, id: string): Promise<() => Promise<void>> {
  const child = curl(scene, {
    port: scene.server.port,
    path: outputPath(id),
    more: ["--dump-header", "/dev/stderr"],
  }).spawn();
  const headers = child.stderr.getReader();
  await headers.read();
  child.kill("SIGSTOP");
  return async () => {
    child.kill("SIGCONT");
    headers.releaseLock();
    await finished(child, CLIENT_BYTES);
  };
}

/** Writes to standard output how many bytes it was sent. */
function curl(
  { setup }: Scene,
  { port, path, more = [] }: { port: number; path: string; more?: readonly string[] },
): Deno.Command {
  const { certificate, key } = setup.files.watch;
  return new Deno.Command("curl", {
    args: [
      ...["-sS", "--fail", "-o", "/dev/null", "--write-out", "%{size_download}", ...more],
      ...["--cacert", setup.authority.certificate, "--cert", certificate, "--key", key],
      `https://127.0.0.1:${port}${path}`,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** The stream's frames come on top of the bytes. */
async function finished(child: Deno.ChildProcess, bytes: number): Promise<void> {
  const { code, stdout, stderr } = await child.output();
  const [size, said] = [stdout, stderr].map((text) => new TextDecoder().decode(text));
  if (code !== 0) throw new Error(`curl ended with ${code}: ${said}`);
  if (Number(size) < bytes) throw new Error(`curl was sent ${size} of ${bytes} bytes`);
}

function ratioRow(
  name: string,
  { ours, floors, least }: { ours: readonly number[]; floors: readonly number[]; least: number },
): BenchRow {
  const ratio = median(ours.map((value, i) => value / floors[i]!));
  return {
    name,
    figure: median(ours),
    unit: "MiB/s",
    floor: median(floors),
    ratio,
    bar: `at least ${least} × a bare node:https server`,
    met: ratio >= least,
  };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await action();
  return performance.now() - start;
}

function rate(bytes: number, ms: number): number {
  return bytes / 2 ** 20 / (ms / 1000);
}

export const bench: Bench = { measure };
