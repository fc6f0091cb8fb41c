// Not on Windows: a signal causes a heartbeat.
/**
 * The attacker copies the state of an activated machine, as the clone of a virtual machine or a second container does, and
 * runs both copies on one place of the license. Each request names the last answer that its copy had, so the license server
 * sees two chains that take turns. It shows the vendor, and refuses nothing.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { copyFolder } from "../support/copy_folder.ts";
import type { Doubles } from "../support/doubles.ts";
import type { RunningProgram } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { RunHarness } from "../support/run_harness.ts";

/** The start has sent the first heartbeat. */
const HEARTBEATS = 6;

async function hearts(run: RunningProgram, count: number): Promise<void> {
  await run.stderr.match(new RegExp(`(heartbeat: ACTIVE[^]*){${count}}`));
}

/** Runs two copies of a machine that take turns; returns what `vendor list` says of it. */
async function runTwice(doubles?: Doubles): Promise<string> {
  await using harness = await RunHarness.open("--heartbeat-minutes", "60", "--max-machines", "1");
  const { at } = harness.folder;
  const software = await harness.script("software", "exec sleep 1000");
  assertEquals((await harness.run("/bin/true", { doubles })).code, 0);
  await copyFolder(at("state"), at("copy"));
  await Deno.mkdir(at("other"), { mode: 0o700 });
  await using machine = harness.start(software, { doubles });
  harness.stateDir = at("copy");
  await using copy = harness.start(software, { env: { XDG_RUNTIME_DIR: at("other") }, doubles });
  for (let count = 1; count <= HEARTBEATS; count++) {
    for (const run of [machine, copy]) {
      if (count > 1) run.kill("SIGUSR2");
      await hearts(run, count);
    }
  }
  return await harness.vendor("list", "--database", at("vendor.db"));
}

testWith([POSIX], "two copies of a machine that run at once are shown to the vendor", async () => {
  const listing = await runTwice();
  assertMatch(listing, /machines 1\/1\n {2}[-0-9a-f]{36} {2}ACTIVE .* copies seen 2/);
});

testWith(
  [POSIX],
  "if requests do not name the last answer, they look like one: the attack",
  async () => {
    const listing = await runTwice({
      "src/activation/nonce_chain.ts": [["if (answered === undefined) ", ""]],
    });
    assertEquals(listing.includes("machines 1/1\n"), true);
    assertEquals(listing.includes("copies seen"), false);
  },
);
