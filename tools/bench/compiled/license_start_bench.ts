/** The compiled program under a license that is kept alive: from its start to the software's first byte, and to a daemon that is ready. */
import { fromFileUrl } from "@std/path";
import { generateKeyPairDer } from "../../../src/signing/ecdsa.ts";
import { DaemonHarness } from "../../../tests/support/daemon_harness.ts";
import { isRunning } from "../../../tests/support/process_state.ts";
import { compileProgram, COMPILER } from "../../../tests/support/standalone.ts";
import type { Bench, BenchRow } from "../bench_row.ts";
import { median } from "../median.ts";
import { runTimes } from "../run_times.ts";

const ROUNDS = 25;
const LIMITS = { run: 2.5, daemon: 3 };
const FIXTURES = fromFileUrl(new URL("../../../tests/fixtures/", import.meta.url));

/** A command, and the milliseconds that it took in each round. */
interface Contender {
  readonly command: readonly string[];
  /** Until when: its first byte, or its end. */
  readonly until: "first byte" | "end";
  readonly ms: number[];
}

async function measure(): Promise<BenchRow[]> {
  if (!COMPILER.met) throw new Error(`needs ${COMPILER.need}`);
  await using harness = await DaemonHarness.open();
  const { folder, url } = harness.base;
  const program = await compileProgram(harness.at("bin"));
  const software = await harness.base.script("up", "echo up");
  await Deno.writeTextFile(harness.at("empty.ts"), "");
  await Deno.writeFile(harness.at("machine_key"), (await generateKeyPairDer()).privateKey);
  const runtime = [Deno.env.get("BUILD_DENO") || Deno.execPath(), "run", "--quiet"];
  const contender = (until: Contender["until"], ...command: string[]): Contender => {
    return { command, until, ms: [] };
  };
  const empty = contender("end", ...runtime, harness.at("empty.ts"));
  const bare = contender(
    ...["end", ...runtime, "--allow-all", "--preload", `${FIXTURES}old_runtime.ts`] as const,
    ...[`${FIXTURES}bare_start.ts`, folder.path, url, "/bin/true"],
  );
  const run = contender(
    ...["first byte", program, "run", "--license", harness.at("K1.lic")] as const,
    ...["--software", software, "--state-dir", harness.at("state")],
    ...["--org-key", harness.at("org_public_key.pem"), "--server-url", url],
  );
  const daemon = contender("end", program, ...harness.arguments(["start"]));
  for (let round = -2; round < ROUNDS; round++) {
    for (const each of [empty, bare, run, daemon]) {
      const took = await tookMs(each, harness);
      if (round >= 0) each.ms.push(took);
    }
    await stop(harness);
  }
  const flow = median(bare.ms) - median(empty.ms);
  return [
    row("compiled: start to software launched (floor: the runtime with an empty file)", run, {
      floor: median(empty.ms),
      limit: LIMITS.run,
    }),
    row(
      "compiled: daemon start (floor: the runtime with an empty file, a third of the license flow)",
      daemon,
      { floor: median(empty.ms) + flow / LIMITS.daemon, limit: LIMITS.daemon },
    ),
  ];
}

async function tookMs({ command, until }: Contender, harness: DaemonHarness): Promise<number> {
  const [program, ...args] = command;
  const env = harness.programOptions.env ?? {};
  const { firstByteMs, endMs } = await runTimes({ program: program!, args, env });
  return until === "first byte" ? firstByteMs : endMs;
}

/** Stops the daemon, with all that it does at its end. */
async function stop(harness: DaemonHarness): Promise<void> {
  const pid = Number(await Deno.readTextFile(harness.at("runtime/sentinel/software.pid")));
  Deno.kill(pid, "SIGTERM");
  while (await isRunning(pid)) continue;
}

function row(
  name: string,
  { ms }: Contender,
  { floor, limit }: { readonly floor: number; readonly limit: number },
): BenchRow {
  const figure = median(ms);
  return {
    ...{ name, figure, floor, ratio: figure / floor, unit: "ms" },
    bar: `at most ${limit} × the floor`,
    met: figure / floor <= limit,
  };
}

export const bench: Bench = { measure };
