import { dirname, fromFileUrl, join } from "@std/path";
import { HEARTBEAT_PATH } from "../../src/activation/messages.ts";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { PERMISSIONS } from "../../tests/support/permissions.ts";
import { RunningProgram } from "../../tests/support/program.ts";
import { serveLicenses } from "../../tests/support/serving_program.ts";
import { temporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { measureLoad } from "./heartbeat_load.ts";
import { median } from "./median.ts";
import { makeMachines, makePopulation } from "./vendor_population.ts";

const HERE = dirname(fromFileUrl(import.meta.url));
const SILENT = 1000, SLOW = 200, FLOODING = 50;
const MACHINES = 100, ROUNDS = 3;
/** Honest connections, and heartbeats on each. */
const HONEST = { connections: 8, perConnection: 40, warmUp: 5 };

/** Latencies of honest heartbeats, alone and beside strangers; the rounds alternate, so that noise hits both. */
async function benchStrangers(): Promise<BenchRow[]> {
  await using folder = await temporaryFolder();
  const { privateKeyPath } = await makeOrganizationKey(folder.at("keys"));
  const machines = await makeMachines(MACHINES);
  const database = folder.at("licenses.db"), file = folder.at("requests.json");
  await makePopulation(database, { size: MACHINES, machines });
  await using server = await serveLicenses(
    ...["--key", privateKeyPath, "--database", database, "--port", "0"],
  );
  const measure = () => measureLoad(server, { machines, file, ...HONEST });
  const alone: Awaited<ReturnType<typeof measure>>[] = [], beside: typeof alone = [];
  for (let round = 0; round < ROUNDS; round++) {
    alone.push(await measure());
    await using _strangers = await startStrangers(server.url);
    beside.push(await measure());
  }
  return ([["p50", "p50Ms"], ["p99", "p99Ms"]] as const).map(([name, key]) => {
    const ratio = median(beside.map((figures, i) => figures[key] / alone[i]![key]));
    return {
      name:
        `vendor serve, ${SILENT} silent, ${SLOW} slow, ${FLOODING} flooding: ${name}, floor alone`,
      figure: median(beside.map((figures) => figures[key])),
      unit: "ms",
      floor: median(alone.map((figures) => figures[key])),
      ratio,
      bar: "at most 3 × without them",
      met: ratio <= 3,
    };
  });
}

async function startStrangers(url: string): Promise<AsyncDisposable> {
  const { hostname, port } = new URL(url);
  const counts = [SILENT, SLOW, FLOODING].map(String);
  const script = join(HERE, "strangers_load.ts");
  const args = [script, hostname, port, HEARTBEAT_PATH, ...counts];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, ...args],
    ...{ stdin: "piped", stdout: "piped", stderr: "piped" },
  }).spawn();
  const strangers = new RunningProgram(child);
  await strangers.stdout.match(/all are there/);
  return {
    async [Symbol.asyncDispose]() {
      await strangers.input("");
      await strangers.end();
    },
  };
}

export const bench: Bench = { measure: benchStrangers };
