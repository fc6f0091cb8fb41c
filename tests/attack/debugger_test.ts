/**
 * The attacker looks into Sentinel while it runs, with a debugger, or has the loader take code of his into it. Both are found
 * with their evidence; answers get worse by stages, or the software is stopped at once, as the configuration says.
 */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ConfiguredCustomer } from "../support/configured_customer.ts";
import { Customer } from "../support/customer.ts";
import { isRunning } from "../support/process_state.ts";
import { LineReader } from "../support/program.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";

const TRACE = fromFileUrl(new URL("../fixtures/trace.py", import.meta.url));

/** A library of the system that changes nothing where it is loaded. */
const HARMLESS_LIBRARY = ["/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/lib64"]
  .map((folder) => `${folder}/libm.so.6`)
  .find((path) => hasFile(path));

function hasFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

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

const PRELOAD = { reason: "no library to load is known here", met: HARMLESS_LIBRARY !== undefined };

testWith([PRELOAD], "with stop, foreign code in Sentinel stops the software at once", async () => {
  await using customer = await ConfiguredCustomer.arrive();
  await customer.customer.script("software", "echo $$; exec sleep 1000");
  await customer.configure("software", { tables: '[security]\nanti_tamper = "stop"' });
  const { code, stdout, stderr } = await customer.run([], { LD_PRELOAD: HARMLESS_LIBRARY! });
  assertEquals(code, 137, stderr);
  const found = "foreign code is loaded into sentinel";
  assertStringIncludes(stderr, `WARNING: ${found}: LD_PRELOAD=${HARMLESS_LIBRARY} `);
  assert(stderr.endsWith(`sentinel: error: ${found}\n`), stderr);
  assert(!await isRunning(Number(stdout)));
});
