/**
 * `deno task bench [NAME…] [--compiled] [--json FILE] [--record]`: runs the benches whose file's name holds one of the names
 * (all without any), one after the other, and prints one table; what moved against `docs/benchmarks.json` is marked.
 * `--compiled` runs those of the compiled program, `--record` writes what was measured to that file, `--real` takes the hour
 * that `run_memory` shortens. Ends with 1 where a bar is missed or a bench fails.
 */
import { parseArgs } from "@std/cli/parse-args";
import { standardOutput } from "../../src/cli/output.ts";
import { describeError } from "../../src/core/errors.ts";
import type { Bench, BenchRow } from "./bench_row.ts";
import { benchTable } from "./bench_table.ts";
import { movement, type RecordedRows, withRows } from "./recorded_rows.ts";

const SUFFIX = "_bench.ts";
const RECORDED = new URL("../../docs/benchmarks.json", import.meta.url);

interface Options {
  readonly _: readonly (string | number)[];
  readonly json?: string;
  readonly compiled: boolean;
  readonly record: boolean;
}

/** The bench files of a folder, by the name before the suffix, in order. */
async function findBenches(folder: URL, wanted: readonly string[]): Promise<string[]> {
  const files = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  return files
    .filter((file) => file.endsWith(SUFFIX))
    .map((file) => file.slice(0, -SUFFIX.length))
    .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
    .sort();
}

async function measure(name: string, folder: URL): Promise<readonly BenchRow[]> {
  const { bench }: { bench: Bench } = await import(new URL(name + SUFFIX, folder).href);
  return await bench.measure();
}

async function readRecorded(): Promise<RecordedRows> {
  try {
    return JSON.parse(await Deno.readTextFile(RECORDED));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { rows: [] };
    throw error;
  }
}

/** @returns The exit status. */
async function main(): Promise<number> {
  const parsed = parseArgs(Deno.args, {
    string: ["json", "_"],
    boolean: ["compiled", "record", "real"],
  });
  const options = parsed as unknown as Options;
  const folder = new URL(options.compiled ? "compiled/" : "./", import.meta.url);
  const names = await findBenches(folder, options._.map(String));
  const rows: BenchRow[] = [], failures: string[] = [];
  for (const name of names) {
    if (Deno.stderr.isTerminal()) standardOutput.note(`measuring ${name} …`);
    try {
      rows.push(...await measure(name, folder));
    } catch (error) {
      failures.push(`${name} failed: ${describeError(error)}`);
    }
  }
  const recorded = await readRecorded();
  standardOutput.result(benchTable(rows, (row) => movement(row, recorded)));
  for (const failure of failures) standardOutput.note(failure);
  if (options.json) await writeJson(options.json, { rows, failures });
  if (options.record) await writeJson(RECORDED, withRows(recorded, rows));
  if (names.length === 0) standardOutput.note("no bench has such a name");
  const isFine = names.length > 0 && failures.length === 0 && rows.every(({ met }) => met);
  return isFine ? 0 : 1;
}

async function writeJson(path: string | URL, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2) + "\n");
}

Deno.exit(await main());
