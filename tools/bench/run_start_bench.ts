/** From the start of `sentinel run` (online, activated, local license server) to the software's first byte. */
import { fromFileUrl } from "@std/path";
import { generateKeyPairDer } from "../../src/signing/ecdsa.ts";
import { RunHarness } from "../../tests/support/run_harness.ts";
import { PERMISSIONS } from "../../tests/support/permissions.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { median } from "./median.ts";
import { bundleProgram } from "./bundle_program.ts";
import { runTimes } from "./run_times.ts";

const ROUNDS = 25;
const LIMIT = 2.5;
const ROOT = fromFileUrl(new URL("../..", import.meta.url));

/** One way to start, and the milliseconds it took in each round. */
interface Contender {
  readonly name: string;
  readonly args: readonly string[];
  readonly ms: number[];
}

async function measure(): Promise<BenchRow[]> {
  await using customer = await RunHarness.open();
  const { folder, url } = customer;
  const software = await customer.script("software", "echo up");
  await Deno.writeFile(folder.at("machine_key"), (await generateKeyPairDer()).privateKey);
  await Deno.writeTextFile(folder.at("empty.ts"), "");
  const main = await bundleProgram(folder.at("bundle"));
  const run = customer.runArguments(software).filter((arg) =>
    arg !== "--log-level" && arg !== "debug"
  );
  await customer.run(software);
  const contender = (name: string, ...args: string[]): Contender => ({ name, args, ms: [] });
  const empty = contender("an empty file", folder.at("empty.ts"));
  const bare = contender(
    "the bare runtime doing the same",
    `${ROOT}tests/fixtures/bare_start.ts`,
    folder.path,
    url,
    software,
  );
  const bundled = contender("sentinel run, bundled", main, ...run);
  const source = contender("sentinel run, from source", `${ROOT}main.ts`, ...run);
  const contenders = [empty, bare, bundled, source];
  for (let round = -2; round < ROUNDS; round++) {
    for (const { args, ms } of contenders) {
      const took = await firstByteMs(args, folder.at("runtime"));
      if (round >= 0) ms.push(took);
    }
  }
  return contenders.slice(1).map((each) => rowOf(each, empty));
}

function rowOf({ name, ms }: Contender, floor: Contender): BenchRow {
  const ratio = median(ms) / median(floor.ms);
  return {
    name: `start to software launched: ${name} (floor: an empty file)`,
    figure: median(ms),
    unit: "ms",
    floor: median(floor.ms),
    ratio,
    bar: `at most ${LIMIT} × the floor`,
    met: ratio <= LIMIT,
  };
}

async function firstByteMs(args: readonly string[], runtimeFolder: string): Promise<number> {
  const { firstByteMs } = await runTimes({
    program: Deno.execPath(),
    args: ["run", "--quiet", "--no-prompt", ...PERMISSIONS, ...args],
    env: { XDG_RUNTIME_DIR: runtimeFolder, XDG_STATE_HOME: runtimeFolder },
  });
  return firstByteMs;
}

export const bench: Bench = { measure };
