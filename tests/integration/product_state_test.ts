// Not on Windows: the software is a shell script.
/** Products, vendors and machines that share a data folder do not disturb each other. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Doubles } from "../support/doubles.ts";
import { filesBelow } from "../support/files_below.ts";
import { RunHarness } from "../support/run_harness.ts";

const ANOTHER_MACHINE: Doubles = { "src/platform/select.ts": "another_machine.ts" };

/** A harness whose state is in the user's data folder. */
async function openAtHome(...terms: string[]): Promise<RunHarness> {
  const harness = await RunHarness.open(...terms);
  harness.stateDir = undefined;
  return harness;
}

async function statesOf(harness: RunHarness, folder = "home"): Promise<string[]> {
  const files = await filesBelow(harness.folder.at(folder));
  return files.filter((path) => path.endsWith("state.bin"));
}

/** A run that goes on until the end of the block. */
async function goOn(harness: RunHarness, options: Parameters<RunHarness["start"]>[1] = {}) {
  const software = await harness.script("software", "echo up; exec sleep 1000");
  const run = harness.start(software, options);
  await run.stdout.match(/up/);
  return run;
}

Deno.test("the state is in a folder of the product and of the machine", async () => {
  await using harness = await openAtHome();
  assertEquals((await harness.run("/bin/true")).code, 0);
  const [state, ...others] = await statesOf(harness);
  assertEquals(others, []);
  const [, scope] = /^sentinel-drm\/(rocket-[0-9a-f]{8}\/[0-9a-f]{16})\/state\.bin$/.exec(state!)!;
  const [machine] = await harness.machines();
  assertEquals(await filesBelow(harness.folder.at("witness")), [
    `sentinel-drm/${scope}/${machine!.machine_id}.bin`,
  ]);
});

for (const stateDir of [undefined, "shared"]) {
  const place = stateDir === undefined ? "home" : "--state-dir";
  Deno.test(`two machines with one ${place} are two machines for good, also at once`, async () => {
    await using harness = await RunHarness.open("--max-machines", "2");
    harness.stateDir = stateDir && harness.folder.at(stateDir);
    for (let i = 0; i < 2; i++) {
      for (const doubles of [undefined, ANOTHER_MACHINE]) {
        const { code, stderr } = await harness.run("/bin/true", { doubles });
        assertEquals(code, 0, stderr);
        assertEquals(stderr.includes("machine activated"), i === 0, stderr);
        assert(!stderr.includes("set aside"), stderr);
      }
    }
    {
      await using _first = await goOn(harness);
      await using _second = await goOn(harness, { doubles: ANOTHER_MACHINE });
    }
    assertEquals((await harness.machines()).length, 2);
    assertEquals((await statesOf(harness, stateDir)).length, 2);
  });
}

Deno.test("two products of a user run at once, and a decommission ends one of them alone", async () => {
  await using harness = await openAtHome();
  await harness.issue("K2", "--software-id", "comet");
  await using rocket = await goOn(harness);
  const comet = await harness.run("/bin/true", { license: "K2" });
  assertEquals(comet.code, 0, comet.stderr);

  const [machine] = await harness.machines();
  const database = harness.folder.at("vendor.db");
  await harness.vendor("decommission", "K1", machine!.machine_id, "--database", database);
  rocket.kill("SIGUSR2");
  assertEquals((await rocket.end()).code, 81);
  await harness.stopServer();
  const offline = await harness.run("/bin/true", { license: "K2" });
  assertEquals(offline.code, 0, offline.stderr);
  const [state, ...others] = await statesOf(harness);
  assertEquals([/\/comet-/.test(state!), others], [true, []]);
});

Deno.test("products of two vendors with one name run at once", async () => {
  await using harness = await openAtHome();
  await using other = await openAtHome();
  await using _run = await goOn(harness);
  const env = {
    XDG_DATA_HOME: harness.folder.at("home"),
    XDG_STATE_HOME: harness.folder.at("witness"),
  };
  const { code, stderr } = await other.run("/bin/true", { env });
  assertEquals(code, 0, stderr);
  assertEquals((await statesOf(harness)).length, 2);
});

Deno.test("software ids that are no file names have folders of their own", async () => {
  await using harness = await openAtHome();
  const ids = ["../../out", "a/b", "a_b", "ä".repeat(300), "."];
  for (const [i, id] of ids.entries()) {
    await harness.issue(`L${i}`, "--software-id", id);
    const { code, stderr } = await harness.run("/bin/true", { license: `L${i}` });
    assertEquals(code, 0, stderr);
  }
  const states = await statesOf(harness);
  assertEquals(states.length, ids.length);
  for (const path of states) {
    assertEquals(
      /^sentinel-drm\/[A-Za-z0-9._-]+\/[0-9a-f]{16}\/state\.bin$/.test(path),
      true,
      path,
    );
  }
});

Deno.test("a decommission removes one license; machine and key go with the product's last one", async () => {
  await using harness = await openAtHome();
  await harness.issue("K2");
  for (const license of ["K1", "K2"]) {
    assertEquals((await harness.run("/bin/true", { license })).code, 0);
  }
  const [machine] = await harness.machines();
  const database = harness.folder.at("vendor.db");
  await harness.vendor("decommission", "K1", machine!.machine_id, "--database", database);
  const refused = await harness.run("/bin/true");
  assertEquals(refused.code, 81, refused.stderr);
  assertStringIncludes(refused.stderr, "machine decommissioned");

  await harness.stopServer();
  const offline = await harness.run("/bin/true", { license: "K2" });
  assertEquals(offline.code, 0, offline.stderr);
  const forgotten = await harness.run("/bin/true");
  assertStringIncludes(forgotten.stderr, "cannot activate this machine");

  await harness.startServer();
  await harness.vendor("decommission", "K2", machine!.machine_id, "--database", database);
  assertEquals((await harness.run("/bin/true", { license: "K2" })).code, 81);
  assertEquals(await statesOf(harness), []);
  assertEquals(await filesBelow(harness.folder.at("witness")), []);
});

Deno.test("with --state-dir every copy of the state is in that folder, and losing all else costs nothing", async () => {
  await using harness = await RunHarness.open();
  assertEquals((await harness.run("/bin/true")).code, 0);
  assertEquals(await filesBelow(harness.folder.at("witness")), []);
  await harness.stopServer();
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 0, stderr);
  assert(!stderr.includes("rollback"), stderr);
});

Deno.test("a vendor that insists has a replica outside of --state-dir, and its loss costs the grace", async () => {
  await using harness = await RunHarness.open();
  const strict = { fixture: "strict_rollback.ts" };
  assertEquals((await harness.run("/bin/true", strict)).code, 0);
  assertEquals((await filesBelow(harness.folder.at("witness"))).length, 1);
  await Deno.remove(harness.folder.at("witness"), { recursive: true });
  await harness.stopServer();
  const { code, stderr } = await harness.run("/bin/true", strict);
  assertEquals(code, 82, stderr);
  assertStringIncludes(stderr, "state rollback detected: a replica is missing");
});

Deno.test("a replica that was kept outside of --state-dir goes when it is no longer kept", async () => {
  await using harness = await RunHarness.open();
  assertEquals((await harness.run("/bin/true", { fixture: "strict_rollback.ts" })).code, 0);
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 0, stderr);
  assertEquals(await filesBelow(harness.folder.at("witness")), []);
  await harness.stopServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
});
