// Not on Windows: it is about the sources, which are the same there.
import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { findLeaks } from "../support/held_resources.ts";
import { allOf, LINUX, NEEDS_ROOT, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { bundleAsShipped } from "../support/shipped_bundle.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import {
  DrivenTimeHarness,
  type LastingProgram,
  TOLD_TIME,
} from "../support/driven_time_harness.ts";

const MAIN = fromFileUrl(new URL("../../src/cli/main.ts", import.meta.url));
/** The programs are not dumpable, so that only root can list their descriptors. */
const DESCRIPTORS = allOf(LINUX, NEEDS_ROOT);
const MINUTE = 60, HOUR = 60 * MINUTE;

interface Passed {
  /** Resources that were not held after a minute, one per line. */
  readonly leaks: readonly string[];
  /** How many there were in all. */
  readonly heartbeats: number;
}

/** Looks at programs after a minute, and again at this second. */
async function passUntil(
  seconds: number,
  { entry, names }: { entry: string; names: readonly LastingProgram[] },
): Promise<Passed> {
  await using harness = await DrivenTimeHarness.open(entry, names);
  const before = await harness.pass(MINUTE, 2);
  const later = await harness.pass(seconds, 20);
  const leaks = names.flatMap((name) =>
    findLeaks(before.get(name)!, later.get(name)!).map((line) => `${name}: ${line}`)
  );
  return { leaks, heartbeats: harness.heartbeats };
}

testWith(
  [DESCRIPTORS],
  "after an hour, run, daemon, server and vendor serve hold the same resources as after a minute",
  async () => {
    await using folder = await temporaryFolder();
    const { leaks, heartbeats } = await passUntil(HOUR, {
      entry: await bundleAsShipped(folder.path, TOLD_TIME),
      names: ["vendor serve", "run", "daemon", "server"],
    });
    assertEquals(leaks, []);
    assert(heartbeats >= 100, `${heartbeats} heartbeats`);
  },
);

testWith([DESCRIPTORS], "a minified run holds more descriptors with each heartbeat", async () => {
  await using folder = await temporaryFolder();
  const entry = await bundleAsShipped(folder.path, TOLD_TIME);
  await runTool(
    ...[Deno.execPath(), "bundle", "--quiet", "--minify", "--code-splitting"] as const,
    ...["--platform", "browser", "--outdir", folder.path, MAIN],
  );
  const { leaks } = await passUntil(10 * MINUTE, { entry, names: ["vendor serve", "run"] });
  const [, before, later] = /^run: descriptors: (\d+), then (\d+)$/m.exec(leaks.join("\n")) ?? [];
  assert(Number(later) >= Number(before) + 9, leaks.join("\n"));
});
