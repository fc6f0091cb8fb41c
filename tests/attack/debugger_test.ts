/**
 * The attacker looks into Sentinel while it runs, with a debugger. He is found, with his name; answers get worse by stages,
 * then the software is stopped.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { Customer } from "../support/customer.ts";
import { isRunning } from "../support/process_state.ts";
import { LineReader } from "../support/program.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";

const TRACE = fromFileUrl(new URL("../fixtures/trace.py", import.meta.url));

testWith(
  [NEEDS_ROOT, needsProgram("python3")],
  "a debugger that stays makes answers worse by stages, then the software is stopped: exit status 137",
  async () => {
    await using customer = await Customer.arrive();
    const software = await customer.script("software", "echo $$; exec sleep 1000");
    await using run = customer.start(software, { env: { FAST_STAGES: "1" } });
    const [pid] = await run.stdout.match(/\d+\n/);
    assert(await isRunning(Number(pid)));
    await using tracer = new Deno.Command("python3", {
      args: [TRACE, String(run.pid)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    await new LineReader(tracer.stdout).match(/tracing/);
    const { code, stderr } = await run.end();
    assertEquals(code, 137, stderr);
    const stages = ["warnings", "errors", "slowdown", "crash"];
    assertMatch(
      stderr,
      new RegExp(
        `WARNING: debugger attached: process ${tracer.pid} \\(python3\\) traces us` +
          stages.map((stage) => `[^]*license answers are degraded: ${stage} `).join("") +
          "[^]*\nsentinel: error: debugger attached\n$",
      ),
    );
    assert(!await isRunning(Number(pid)));
    assertEquals(await customer.sockets(), []);
    await tracer.status;
  },
);
