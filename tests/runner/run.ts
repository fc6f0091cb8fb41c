/**
 * `deno task test [ARGUMENT ...]`: runs `deno test` on the files of a suite, ends as it does, and lists at the end what the
 * skipped tests need. `--suite NAME`, as the first argument, chooses the suite (`suites.ts`); files and folders among the
 * arguments are run in its place, the other arguments go to `deno test`.
 */
import { fromFileUrl } from "@std/path";
import { ifExists } from "../../src/core/files.ts";
import { standardOutput } from "../../src/cli/output.ts";
import { PERMISSIONS } from "../support/permissions.ts";
import { IS_WINDOWS } from "../support/system.ts";
import { describeSkipped } from "./skipped_tests.ts";
import { suiteFiles } from "./suites.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const LIMIT = fromFileUrl(new URL("test_limit.ts", import.meta.url));

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Windows' tests share the registry, the services and the console. */
const PARALLEL = IS_WINDOWS ? [] : ["--parallel"];

/** Passes on what ends us, so that no test runs on alone; the exit status. */
async function runTests(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--quiet",
      "--no-prompt",
      "--no-check",
      ...PARALLEL,
      `--preload=${LIMIT}`,
      ...args,
    ],
    env,
  }).spawn();
  const stop = () => child.kill("SIGTERM");
  if (!IS_WINDOWS) Deno.addSignalListener("SIGTERM", stop);
  const { code } = await child.status;
  if (!IS_WINDOWS) Deno.removeSignalListener("SIGTERM", stop);
  return code;
}

/** The program as it ships, for tests that start the one that `SENTINEL_BIN` names. */
async function bundledProgram(folder: string): Promise<Record<string, string>> {
  const { bundleAsShipped, bundleFixtures } = await import("../support/shipped_bundle.ts");
  const entry = await bundleAsShipped(folder);
  await bundleFixtures(folder);
  return { SENTINEL_BIN: entry };
}

const [option, name, ...others] = Deno.args;
const suite = option === "--suite" ? name : undefined;
const args = suite === undefined ? Deno.args : others;
const files = args.some((arg) => !arg.startsWith("-") && exists(arg))
  ? []
  : await suiteFiles(ROOT, suite);
const folder = await Deno.makeTempDir({ prefix: "sentinel-tests-" });
try {
  const env = suite === "bundle" ? await bundledProgram(folder) : {};
  const report = `${folder}/report.xml`;
  Deno.exitCode = await runTests(
    [`--junit-path=${report}`, ...PERMISSIONS, ...args, ...files],
    env,
  );
  // there is none if it was killed, or had no file to run
  const text = await ifExists(Deno.readTextFile(report)) ?? "";
  for (const line of describeSkipped(text)) standardOutput.result(line);
} finally {
  await Deno.remove(folder, { recursive: true });
}
