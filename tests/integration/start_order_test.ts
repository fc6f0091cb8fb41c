// Not on Windows: the software is a shell script, and has file modes.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { runProgram } from "../support/program.ts";

const CANNOT_BE_LAUNCHED: readonly {
  what: string;
  says: string;
  harm: (software: string) => Promise<void>;
}[] = [
  { what: "is missing", says: "software not found: ", harm: (path) => Deno.remove(path) },
  {
    what: "is not executable",
    says: "software is not executable: ",
    harm: (path) => Deno.chmod(path, 0o644),
  },
  {
    what: "has another checksum",
    says: "software checksum mismatch: ",
    harm: (path) => Deno.writeTextFile(path, "#!/bin/sh\n"),
  },
];

for (const { what, says, harm } of CANNOT_BE_LAUNCHED) {
  Deno.test(`software that ${what} takes no seat and makes no state`, async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script("software", "exit 0");
    await harness.issue("K2", "--checksum", software, "--max-machines", "1");
    await harm(software);
    const { code, stderr } = await harness.run(software, { license: "K2" });
    assertEquals(code, 84, stderr);
    assertStringIncludes(stderr, says);
    assertEquals(await harness.machines("K2"), []);
    assertEquals(await stateExists(harness), false);
  });
}

Deno.test("a daemon with a typo in its software's path takes no seat", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  await harness.configure(harness.folder.at("no-such-software"));
  const { code, stderr } = await runProgram([
    ...["daemon", "start", "--foreground", "--config", harness.folder.at("sentinel.toml")],
    ...["--org-key", harness.folder.at("org_public_key.pem")],
  ], { ...harness.programOptions(), cwd: harness.folder.path });
  assertEquals(code, 84, stderr);
  assertEquals(await harness.machines(), []);
  assertEquals(await stateExists(harness), false);
});

Deno.test("a run whose socket cannot be placed takes no seat", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  const software = await harness.script("software", "exit 0");
  const { XDG_RUNTIME_DIR: runtime } = harness.programOptions().env!;
  await Deno.mkdir(`${runtime}/sentinel`);
  await Deno.chmod(`${runtime}/sentinel`, 0o755);
  const { code, stderr } = await harness.run(software);
  assertEquals(code, 86, stderr);
  assertStringIncludes(stderr, "Cannot put a socket into ");
  assertEquals(await harness.machines(), []);
});

async function stateExists(harness: RunHarness): Promise<boolean> {
  return await Deno.stat(harness.folder.at("state")).then(() => true, () => false);
}
