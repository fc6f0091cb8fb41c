// Not on Windows: the attacks are made with shell scripts and POSIX files.
// Compiled as well: the executable defends itself, without the sources beside it.
/**
 * The attacker looks into Sentinel while it runs, with a debugger. He is found, with his name; answers get worse by stages,
 * then the software is stopped.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { RunHarness } from "../support/run_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { isRunning } from "../support/process_state.ts";
import { LineReader } from "../support/program.ts";
import { watchEvents } from "../support/watched_events.ts";
import { NEEDS_ROOT, needsProgram, testWith } from "../support/requirements.ts";

const TRACE = fromFileUrl(new URL("../fixtures/trace.py", import.meta.url));

/** A run with a debugger, once that is there. */
async function startTraced(doubles?: Doubles) {
  await using stack = new AsyncDisposableStack();
  const harness = stack.use(await RunHarness.open());
  const software = await harness.script("software", "echo $$; exec sleep 1000");
  const run = stack.use(harness.start(software, { env: { FAST_STAGES: "1" }, doubles }));
  const [pid] = await run.stdout.match(/\d+\n/);
  assert(await isRunning(Number(pid)));
  const events = await watchEvents(harness);
  const tracer = stack.use(
    new Deno.Command("python3", {
      args: [TRACE, String(run.pid)],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn(),
  );
  await new LineReader(tracer.stdout).match(/tracing/);
  const owned = stack.move();
  const dispose = () => owned.disposeAsync();
  return { harness, run, pid: Number(pid), tracer, events, [Symbol.asyncDispose]: dispose };
}

testWith(
  [NEEDS_ROOT, needsProgram("python3")],
  "a debugger that stays degrades answers in stages, then the software is stopped: exit status 137",
  async () => {
    await using traced = await startTraced();
    const { code, stderr } = await traced.run.end();
    assertEquals(code, 137, stderr);
    const stages = ["warnings", "errors", "slowdown", "crash"];
    assertMatch(
      stderr,
      new RegExp(
        `WARNING: debugger attached: process ${traced.tracer.pid} \\(python3\\) traces sentinel` +
          stages.map((stage) => `[^]*license answers are degraded: ${stage} `).join("") +
          "[^]*\nsentinel: error: debugger attached\n$",
      ),
    );
    assert(!await isRunning(traced.pid));
    assertEquals(await traced.events.last, {
      event: "stopping",
      reason: "tamper.stopped",
      message: "debugger attached",
    });
    assertEquals(await traced.harness.sockets(), []);
    await traced.tracer.status;
  },
);

testWith(
  [NEEDS_ROOT, needsProgram("python3")],
  "without the check, a debugger stays: the attack",
  async () => {
    const doubles = { "src/platform/linux/tamper_check.ts": "blind_tamper_checks.ts" };
    await using traced = await startTraced(doubles);
    const { run, tracer, pid } = traced;
    run.stderr.text = "";
    await run.stderr.match(/(?:nothing seen\n){3}/);
    assert(await isRunning(pid));
    tracer.kill("SIGKILL");
    await tracer.status;
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
    await traced.events.last;
  },
);
