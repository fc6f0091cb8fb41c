/** The compiled program beside an empty one: its size, `--version`, and a whole `run` of `/bin/true` (HARDWARE_BOUND). */
import { makeOrganizationKey } from "../../../src/license_server/keys.ts";
import { runProgram } from "../../../tests/support/program.ts";
import { compileProgram, COMPILER } from "../../../tests/support/standalone.ts";
import { type TemporaryFolder, temporaryFolder } from "../../../tests/support/temporary_folder.ts";
import type { Bench, BenchRow } from "../bench_row.ts";
import { median } from "../median.ts";

const ROUNDS = 25;
const LIMITS = { size: 1.15, version: 1.3, run: 2.5 };

/** A command, and the milliseconds that it took from its start to its end in each round. */
interface Contender {
  readonly program: string;
  readonly args: readonly string[];
  readonly ms: number[];
}

async function measure(): Promise<BenchRow[]> {
  if (!COMPILER.met) throw new Error(`needs ${COMPILER.need}`);
  await using folder = await temporaryFolder();
  const license = await issueLicense(folder);
  const ours = await compileProgram(folder.at("ours"));
  const nothing = await compileNothing(folder);
  const contender = (program: string, ...args: string[]): Contender => ({ program, args, ms: [] });
  const empty = contender(nothing);
  const version = contender(ours, "--version");
  const run = contender(
    ...[ours, "run", "--license", license, "--software", "/bin/true"] as const,
    ...["--org-key", folder.at("org_public_key.pem")],
  );
  for (let round = -2; round < ROUNDS; round++) {
    for (const { program, args, ms } of [empty, version, run]) {
      const took = await wholeMs(program, args, folder.path);
      if (round >= 0) ms.push(took);
    }
  }
  return [
    sizeRow(await mebibytes(ours), await mebibytes(nothing)),
    timeRow("compiled: --version", version, { empty, limit: LIMITS.version }),
    timeRow("compiled: run of /bin/true", run, { empty, limit: LIMITS.run }),
  ];
}

async function issueLicense(folder: TemporaryFolder): Promise<string> {
  await makeOrganizationKey(folder.path);
  const { stdout: fingerprint } = await runProgram(["fingerprint"]);
  const { code, stderr } = await runProgram([
    ...["vendor", "issue", "--key", folder.at("org_private_key.pem"), "--type", "hardware-bound"],
    ...["--org", "acme", "--software-id", "rocket", "--expires", "2999-12-31"],
    ...["--fingerprint", fingerprint.trim(), "--out", folder.at("bench.lic")],
  ]);
  if (code !== 0) throw new Error(stderr);
  return folder.at("bench.lic");
}

/** An empty program, of the same runtime and with the same flags. */
async function compileNothing(folder: TemporaryFolder): Promise<string> {
  await Deno.writeTextFile(folder.at("empty.js"), "");
  const flags = ["--quiet", "--no-check", "--no-config", "--no-lock", "--no-code-cache"];
  const { success, stderr } = await new Deno.Command(
    Deno.env.get("BUILD_DENO") || Deno.execPath(),
    {
      args: ["compile", ...flags, "--output", folder.at("empty"), folder.at("empty.js")],
    },
  ).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return folder.at("empty");
}

async function wholeMs(program: string, args: readonly string[], folder: string): Promise<number> {
  const began = performance.now();
  const { success } = await new Deno.Command(program, {
    args: [...args],
    env: { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: folder, XDG_DATA_HOME: folder },
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).output();
  if (!success) throw new Error(`${program} ${args.join(" ")} failed`);
  return performance.now() - began;
}

async function mebibytes(path: string): Promise<number> {
  return (await Deno.stat(path)).size / 2 ** 20;
}

function sizeRow(figure: number, floor: number): BenchRow {
  const ratio = figure / floor;
  return {
    ...{ name: "compiled: size (floor: an empty program)", figure, floor, ratio, unit: "MiB" },
    bar: `at most ${LIMITS.size} × the floor`,
    met: ratio <= LIMITS.size,
  };
}

function timeRow(
  name: string,
  { ms }: Contender,
  { empty, limit }: { readonly empty: Contender; readonly limit: number },
): BenchRow {
  const [figure, floor] = [median(ms), median(empty.ms)];
  return {
    ...{ name: `${name} (floor: an empty program)`, figure, floor, ratio: figure / floor },
    unit: "ms",
    bar: `at most ${limit} × the floor`,
    met: figure / floor <= limit,
  };
}

export const bench: Bench = { measure };
