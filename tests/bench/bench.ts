/**
 * `deno task bench [NAME…] [--json FILE]`: runs the benches whose file's name holds one of the names (all without any),
 * one after the other, and prints one table. Ends with 1 where a bar is missed or a bench fails.
 */
import { parseArgs } from "@std/cli/parse-args";
import { dirname, fromFileUrl } from "@std/path";
import { standardOutput } from "../../src/cli/output.ts";
import { describeError } from "../../src/core/errors.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { benchTable } from "./bench_table.ts";

const HERE = dirname(fromFileUrl(import.meta.url));
const SUFFIX = "_bench.ts";

/** The bench files, by the name before the suffix, in order. */
async function findBenches(wanted: readonly string[]): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(HERE), ({ name }) => name);
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .sort();
}

async function measure(name: string): Promise<readonly BenchRow[]> {
  const { bench }: { bench: Bench } = await import(new URL(name + SUFFIX, import.meta.url).href);
  return await bench.measure();
}

/** @returns The exit status. */
async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { string: ["json", "_"] });
  const names = await findBenches(args._.map(String));
  const rows: BenchRow[] = [], failures: string[] = [];
  for (const name of names) {
    if (Deno.stderr.isTerminal()) standardOutput.note(`measuring ${name} …`);
    try {
      rows.push(...await measure(name));
    } catch (error) {
      failures.push(`${name} failed: ${describeError(error)}`);
    }
  }
  standardOutput.result(benchTable(rows));
  for (const failure of failures) standardOutput.note(failure);
  const { json: jsonPath } = args as { json?: string };
  if (jsonPath) await Deno.writeTextFile(jsonPath, JSON.stringify({ rows, failures }, null, 2));
  if (names.length === 0) standardOutput.note("no bench has such a name");
  const isFine = names.length > 0 && failures.length === 0 && rows.every(({ met }) => met);
  return isFine ? 0 : 1;
}

Deno.exit(await main());
