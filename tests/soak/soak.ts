/**
 * `deno task soak [--minutes N] [--seed N] [--runs N] [--verbose]`: a whole system in which things go wrong at random, and what must
 * hold in spite of it. Ends with 1 where something did not hold. The same seed repeats the same faults.
 */
import { parseArgs } from "@std/cli/parse-args";
import { standardOutput } from "../../src/cli/output.ts";
import { runSoak } from "./run_soak.ts";

const args = parseArgs(Deno.args, { string: ["minutes", "seed", "runs"] }) as Record<
  string,
  string
>;
const seed = Number(args["seed"] ?? 1);
const report = await runSoak({
  seed,
  chaosMs: Number(args["minutes"] ?? 2) * 60_000,
  runs: Number(args["runs"] ?? 10),
  signal: new AbortController().signal,
  say: standardOutput.note,
});
standardOutput.result(JSON.stringify(report, null, 2));
