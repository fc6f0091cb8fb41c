// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker writes into his configuration that Sentinel shall not look for his library. The policy is the vendor's, built
 * into the program; the file can only make it stricter.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness, type AttackOptions } from "../support/attack_harness.ts";
import { testWith } from "../support/requirements.ts";

const OFF = '[security]\nanti_tamper = "off"\n';
const REFUSED =
  'WARNING: security.anti_tamper = "off" has no effect: the vendor\'s policy is "stop"';

/** Runs the program of a vendor whose policy is `stop`, with a variable that loads code into it. */
async function runPreloaded(software: string, options: Pick<AttackOptions, "doubles"> = {}) {
  await using harness = await AttackHarness.open();
  await harness.script("software", software);
  const env = { BUILD: '{"antiTamper":"stop"}', LD_PRELOAD: "/lib/nothing.so" };
  return await harness.run({ config: OFF, env, fixture: "as_built.ts", ...options });
}

Deno.test("a configuration cannot turn off what the vendor built in", async () => {
  const { code, stderr } = await runPreloaded("exec sleep 1000");
  assertEquals(code, 137, stderr);
  assertStringIncludes(stderr, REFUSED);
  assert(stderr.endsWith("sentinel: error: foreign code is loaded into sentinel\n"), stderr);
});

testWith(
  [],
  "if the file's policy counted, foreign code would keep running: the attack",
  async () => {
    const doubles = {
      "src/cli/tamper_policy.ts": [[
        "if (vendor === undefined)",
        "if (file !== undefined)",
      ]] as const,
    };
    const { code, stdout, stderr } = await runPreloaded("echo up", { doubles });
    assertEquals([code, stdout], [0, "up\n"], stderr);
    assert(!stderr.includes("foreign code"), stderr);
  },
);
