/**
 * `deno task soak`: a whole system in which things go wrong at random, and what must hold in spite of it. Ends with 1 where
 * something did not hold, with 2 for arguments that are not understood.
 */
import { standardOutput } from "../../src/cli/output.ts";
import { reportTable } from "./report_table.ts";
import { runSoak } from "./run_soak.ts";
import { parseSoakArguments, USAGE } from "./soak_arguments.ts";

const LARGEST_SEED = 2 ** 32;

/** @returns The exit status. */
async function main(): Promise<number> {
  const { result, note } = standardOutput;
  const args = parseSoakArguments(Deno.args);
  if (typeof args === "string") {
    note(`${args}\n\n${USAGE}`);
    return 2;
  }
  if (args.help) {
    result(USAGE);
    return 0;
  }
  const seed = args.seed ?? Math.ceil(Math.random() * LARGEST_SEED);
  note(`seed ${seed}`);
  const findings = await runSoak({
    seed,
    chaosMs: args.minutes * 60_000,
    runs: args.runs,
    lastOutageHours: args.outageHours,
    signal: stopSignal(),
    say: note,
    sayFault: args.faults ? note : () => {},
  });
  result(reportTable(findings));
  const isFine = findings.every(({ complaints }) => complaints.length === 0);
  const { minutes, runs, outageHours } = args;
  const again = `--minutes ${minutes} --runs ${runs} --outage-hours ${outageHours} --seed ${seed}`;
  result(isFine ? "all invariants hold" : `to repeat it: deno task soak ${again}`);
  return isFine ? 0 : 1;
}

function stopSignal(): AbortSignal {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort());
  }
  return stop.signal;
}

Deno.exit(await main());
