// Not on Windows: the software is a shell script.
import { assertEquals, assertMatch } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

testWith(
  [needsProgram("strace")],
  "a tracer is logged even if the software ends before the first periodic check",
  async () => {
    await using harness = await AttackHarness.open();
    const { code, stderr } = await harness.run({
      wrapper: ["strace", "-f", "-e", "trace=none", "-o", "/dev/null"],
      doubles: {
        "src/agent/serve.ts": [[
          "    const { createTamperWatch } = ",
          `    await new Promise((resolve) => signal.addEventListener("abort", resolve));
           const { createTamperWatch } = `,
        ]],
      },
    });
    assertEquals(code, 0);
    assertMatch(stderr, /WARNING: debugger attached: process \d+ \(strace\) traces sentinel/);
  },
);
