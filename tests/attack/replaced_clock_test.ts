// Not on Windows: the library is one for the loader of Linux.
/**
 * The attacker puts a library in LD_LIBRARY_PATH under the name of one that the runtime needs, and slows the clock with it:
 * no heartbeat comes due any more, so a revoked license would run on. The functions that tell the time must be those of the
 * C library, and such a finding stops the software at once, as a staged answer would be timed by that clock.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { AttackHarness } from "../support/attack_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { LINUX, needsProgram, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

const SLOW_CLOCK = fromFileUrl(new URL("../fixtures/slow_clock.c", import.meta.url));

/** Runs the software with the library; the default policy only degrades answers. */
async function runSlowed(harness: AttackHarness, doubles?: Doubles) {
  const library = harness.at("libdl.so.2");
  await runTool("cc", "-shared", "-fPIC", "-Wl,-soname,libdl.so.2", "-o", library, SLOW_CLOCK);
  const env = { LD_LIBRARY_PATH: harness.folder.path };
  return { library, ...await harness.run({ env, doubles }) };
}

testWith(
  [LINUX, needsProgram("cc")],
  "a library that slows the clock stops the software at once",
  async () => {
    await using harness = await AttackHarness.open();
    await harness.script("software", "echo up; exec sleep 1000");
    const { code, stderr, library } = await runSlowed(harness);
    assertEquals(code, 137, stderr);
    const found = "another clock is put under sentinel";
    assertStringIncludes(stderr, `WARNING: ${found}: clock_gettime is that of ${library} `);
    assert(stderr.endsWith(`sentinel: error: ${found}\n`), stderr);
  },
);

testWith(
  [LINUX, needsProgram("cc")],
  "without the check, the software runs by the slow clock: the attack",
  async () => {
    await using harness = await AttackHarness.open();
    const { code, stdout, stderr } = await runSlowed(harness, {
      "src/platform/linux/loaded_code.ts": "any_code.ts",
    });
    assertEquals([code, stdout], [0, "up\n"], stderr);
    assert(!stderr.includes("another clock"), stderr);
  },
);

testWith(
  [LINUX],
  "a folder of honest libraries in LD_LIBRARY_PATH is no finding",
  async () => {
    await using harness = await AttackHarness.open();
    const env = { LD_LIBRARY_PATH: `/usr/lib:${harness.folder.path}` };
    const { code, stderr } = await harness.run({
      env,
      config: '[security]\nanti_tamper = "stop"\n',
    });
    assertEquals(code, 0, stderr);
  },
);
