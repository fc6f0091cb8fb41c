/**
 * `deno task compile [--target T]… [--org-key FILE] [--software-id ID] [--server-url URL] [--out DIR]`: one executable for
 * each target, and their checksums. Same inputs, same bytes; the time of the build is SOURCE_DATE_EPOCH, else that of
 * the commit.
 */
import { parseArgs } from "@std/cli/parse-args";
import { standardOutput } from "../src/cli/output.ts";
import { describeError } from "../src/core/errors.ts";
import { buildAll, BuildError } from "./build_all.ts";
import { isTarget, TARGETS } from "./targets.ts";

const STRINGS = ["org-key", "software-id", "server-url", "out", "preload"] as const;

type Given = { readonly [name in (typeof STRINGS)[number]]?: string } & {
  readonly target: readonly string[];
};

async function main(): Promise<number> {
  const args = parseArgs(Deno.args, { string: [...STRINGS, "target", "_"], collect: ["target"] });
  const given = args as unknown as Given;
  try {
    await buildAll({
      targets: chooseTargets(given.target),
      outFolder: given.out ?? "dist",
      orgKeyPath: given["org-key"],
      softwareId: given["software-id"],
      serverUrl: given["server-url"],
      preload: given.preload,
      epochSeconds: Deno.env.get("SOURCE_DATE_EPOCH"),
      runtimePath: Deno.env.get("DENORT_BIN") || undefined,
      compilerPath: Deno.env.get("BUILD_DENO") ?? Deno.execPath(),
    }, standardOutput.note);
    return 0;
  } catch (error) {
    standardOutput.note(`compile: error: ${describeError(error)}`);
    return error instanceof BuildError ? 2 : 70;
  }
}

function chooseTargets(names: readonly string[]): readonly string[] {
  if (names.length === 0) return [Deno.build.target];
  if (names.includes("all")) return TARGETS;
  const unknown = names.find((name) => !isTarget(name));
  if (unknown === undefined) return names;
  throw new BuildError(`unknown target: ${unknown} (known: ${TARGETS.join(", ")}, all)`);
}

Deno.exit(await main());
