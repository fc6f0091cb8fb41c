// Not on Windows: the software is a shell script.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";

/** A vendor's database that was backed up before this machine's first run; `use` runs after that run and the restore. */
async function afterRestore(
  use: (harness: RunHarness, software: string, machineId: string) => Promise<void>,
): Promise<void> {
  await using harness = await RunHarness.open("--max-machines", "1");
  const software = await harness.script("software", "exit 0");
  const database = harness.folder.at("vendor.db"), backup = harness.folder.at("backup.db");
  await harness.stopServer();
  await Deno.copyFile(database, backup);
  await harness.startServer();
  const { code, stderr } = await harness.run(software);
  assertEquals(code, 0, stderr);
  const [machine] = await harness.machines();
  await harness.stopServer();
  for (const suffix of ["-wal", "-shm"]) {
    await Deno.remove(database + suffix).catch(() => undefined);
  }
  await Deno.copyFile(backup, database);
  await harness.startServer();
  assertEquals(await harness.machines(), []);
  await use(harness, software, machine!.machine_id);
}

Deno.test("a machine that a restored database has lost starts as before, with its id", async () => {
  await afterRestore(async (harness, software, machineId) => {
    const { code, stderr } = await harness.run(software);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, "the server does not know this machine any more");
    assertEquals((await harness.machines()).map(({ machine_id }) => machine_id), [machineId]);
    assertEquals((await harness.run(software)).stderr.includes("any more"), false);
  });
});

Deno.test("a machine whose place another took after a restore is refused by the machine limit", async () => {
  await afterRestore(async (harness, software) => {
    const own = harness.folder.at("state"), aside = harness.folder.at("aside");
    await Deno.rename(own, aside);
    assertEquals((await harness.run(software)).code, 0);
    await Deno.remove(own, { recursive: true });
    await Deno.rename(aside, own);
    const { code, stderr } = await harness.run(software);
    assertEquals(code, 81, stderr);
    assertStringIncludes(stderr, "heartbeat refused: Maximum machine limit reached");
  });
});
