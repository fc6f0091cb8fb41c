import { dirname, fromFileUrl, join } from "@std/path";
import { HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { PERMISSIONS } from "../../tests/support/permissions.ts";
import type { ServingProgram } from "../../tests/support/serving_program.ts";
import { heartbeatBody, signedBy, type TestMachine } from "../../tests/support/test_machine.ts";

const HERE = dirname(fromFileUrl(import.meta.url));

/** One run of the load. */
export interface LoadFigures {
  /** Heartbeats per CPU-second of the server. */
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface LoadOptions {
  readonly machines: readonly TestMachine[];
  /** Where the requests are written. */
  readonly file: string;
  readonly connections: number;
  /** Requests that are timed. */
  readonly perConnection: number;
  /** Requests before those. */
  readonly warmUp: number;
}

/** Sends heartbeats that are signed beforehand, over connections that are kept, and times the answers. */
export async function measureLoad(
  { url, pid }: Pick<ServingProgram, "url" | "pid">,
  { machines, file, connections, perConnection, warmUp }: LoadOptions,
): Promise<LoadFigures> {
  const { hostname, port } = new URL(url);
  const lanes: string[][] = [];
  for (let lane = 0; lane < connections; lane++) {
    lanes.push(
      await Promise.all(
        Array.from({ length: warmUp + perConnection }, (_, i) => {
          const machine = machines[(i * connections + lane) % machines.length]!;
          return rawHeartbeat(machine, `${hostname}:${port}`);
        }),
      ),
    );
  }
  await Deno.writeTextFile(file, JSON.stringify(lanes));
  const args = [hostname, port, String(pid), file, String(warmUp)];
  const { rate, p50Ms, p99Ms } = await runJson("vendor_load.ts", ...args);
  return { rate: rate!, p50Ms: p50Ms!, p99Ms: p99Ms! };
}

async function rawHeartbeat(machine: TestMachine, host: string): Promise<string> {
  const { path, headers, body } = await signedBy(machine, HEARTBEAT_PATH, {
    body: heartbeatBody(machine, "K1"),
  });
  const lines = Object.entries({
    "Host": host,
    "Content-Type": "application/json",
    "Content-Length": String(body.length),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`);
  return [`POST ${path} HTTP/1.1`, ...lines, "", new TextDecoder().decode(body)].join("\r\n");
}

/** Runs a script beside this one, and parses what it prints. */
export async function runJson(script: string, ...args: string[]): Promise<Record<string, number>> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, join(HERE, script), ...args],
  }).output();
  if (!success) throw new Error(`${script}: ${new TextDecoder().decode(stderr)}`);
  return JSON.parse(new TextDecoder().decode(stdout));
}
