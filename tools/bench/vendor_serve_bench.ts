import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { serveLicenses } from "../../tests/support/serving_program.ts";
import { temporaryFolder } from "../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { type LoadFigures, measureLoad, runJson } from "./heartbeat_load.ts";
import { median } from "./median.ts";
import { makeMachines, makePopulation } from "./vendor_population.ts";

const CONNECTIONS = 32, ROUNDS = 5, FLOOR_MS = 1500;
const LOAD = { connections: CONNECTIONS, perConnection: 160, warmUp: 40 };
/** Machines that beat, each with a key of its own. */
const LIVE_MACHINES = 500;
const OPENSSL_RATE = 5000;
const SMALL = 500, LARGE = 100_000;

/** Medians over the rounds; the ratios are medians of each round's own ratio. */
interface VendorServeFigures {
  /** One verification and one signature by the bare runtime, per CPU-second: the better of its two ways. */
  readonly floor: number;
  readonly webCrypto: LoadFigures;
  readonly openSsl: LoadFigures;
  /** By OpenSSL, with many machines. */
  readonly large: LoadFigures;
  /** WebCrypto's rate over the floor of the same round. */
  readonly ratio: number;
  /** p99 over p50, by OpenSSL. */
  readonly tail: number;
  /** Rate at 100,000 machines over the rate at 500. */
  readonly growth: number;
}

/** Measures `vendor serve` as a process against the runtime's floor; rounds are interleaved, so that noise hits all. */
async function benchVendorServe(): Promise<VendorServeFigures> {
  await using folder = await temporaryFolder();
  const { privateKeyPath } = await makeOrganizationKey(folder.at("keys"));
  const machines = await makeMachines(LIVE_MACHINES);
  const databases = { small: folder.at("small.db"), large: folder.at("large.db") };
  await makePopulation(databases.small, { size: SMALL, machines });
  await makePopulation(databases.large, { size: LARGE, machines });
  const floors: number[] = [];
  const webCrypto: LoadFigures[] = [], openSsl: LoadFigures[] = [], large: LoadFigures[] = [];
  const kinds = [
    { database: databases.small, crypto: "webcrypto", runs: webCrypto },
    { database: databases.small, crypto: "openssl", runs: openSsl },
    { database: databases.large, crypto: "openssl", runs: large },
  ];
  for (let round = 0; round < ROUNDS; round++) {
    floors.push(await measureFloor());
    // each is the first in every other round
    for (const { database, crypto, runs } of round % 2 === 0 ? kinds : kinds.toReversed()) {
      await using server = await serveLicenses(
        ...["--key", privateKeyPath, "--database", database, "--port", "0", "--crypto", crypto],
      );
      runs.push(await measureLoad(server, { machines, file: folder.at("requests.json"), ...LOAD }));
      await server.stop("SIGTERM");
    }
  }
  return {
    floor: median(floors),
    webCrypto: medians(webCrypto),
    openSsl: medians(openSsl),
    large: medians(large),
    ratio: median(webCrypto.map(({ rate }, i) => rate / floors[i]!)),
    tail: median(openSsl.map(({ p50Ms, p99Ms }) => p99Ms / p50Ms)),
    growth: median(large.map(({ rate }, i) => rate / openSsl[i]!.rate)),
  };
}

async function measureFloor(): Promise<number> {
  const { webCrypto, nodeCrypto } = await runJson("signature_floor.ts", String(FLOOR_MS));
  return Math.max(webCrypto!, nodeCrypto!);
}

function medians(runs: readonly LoadFigures[]): LoadFigures {
  return {
    rate: median(runs.map(({ rate }) => rate)),
    p50Ms: median(runs.map(({ p50Ms }) => p50Ms)),
    p99Ms: median(runs.map(({ p99Ms }) => p99Ms)),
  };
}

/** The figures as rows of the table. */
function rowsOf(
  { floor, webCrypto, openSsl, large, ratio, tail, growth }: VendorServeFigures,
): BenchRow[] {
  const title = `vendor serve, ${CONNECTIONS} connections`;
  return [
    {
      name: `${title}: durable heartbeats per CPU-second, OpenSSL`,
      figure: openSsl.rate,
      unit: "/s",
      bar: `at least ${OPENSSL_RATE}`,
      met: openSsl.rate >= OPENSSL_RATE,
    },
    {
      name: `${title}: durable heartbeats per CPU-second, WebCrypto`,
      figure: webCrypto.rate,
      unit: "/s",
      floor,
      ratio,
      bar: "at least 0.9 × one verification and one signature",
      met: ratio >= 0.9,
    },
    {
      name: `${title}: p99 with OpenSSL, floor p50`,
      figure: openSsl.p99Ms,
      unit: "ms",
      floor: openSsl.p50Ms,
      ratio: tail,
      bar: "at most 10 × p50",
      met: tail <= 10,
    },
    {
      name: `${title}: heartbeats per CPU-second, ${LARGE} machines, floor ${SMALL}`,
      figure: large.rate,
      unit: "/s",
      floor: openSsl.rate,
      ratio: growth,
      bar: "at least 0.9 × with few",
      met: growth >= 0.9,
    },
  ];
}

export const bench: Bench = { measure: async () => rowsOf(await benchVendorServe()) };
