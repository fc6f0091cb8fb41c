// Not on Windows: the attacks are made with shell scripts and POSIX files.
/**
 * The attacker has the user's account. He sends signal after signal: to end Sentinel and keep the software, to stop the
 * meter, or (SIGUSR1) to have the runtime let a debugger in, who reads the keys. Signals that are not asked for do nothing,
 * and SIGUSR1 is taken from the runtime.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { DaemonHarness } from "../support/daemon_harness.ts";
import type { Doubles } from "../support/doubles.ts";
import { isRunning } from "../support/process_state.ts";
import { COMPILED, type RunningProgram } from "../support/program.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";

const STORM = ["SIGUSR1", "SIGHUP", "SIGCONT", "SIGWINCH", "SIGURG", "SIGCHLD"] as const;

/** The runtime listens for SIGUSR1 half a second after its start. */
const STORM_MS = 1_000;

/** A daemon looks for a second after each signal, on a machine that may be busy. */
const TAKEN_BACK_MS = 10_000;

/** What the runtime says at SIGUSR1, whether it gets the port or not. */
const INSPECTOR = /Debugger listening on|Failed to start inspector/;

async function startNoisily(harness: AttackHarness, doubles?: Doubles): Promise<RunningProgram> {
  await harness.script("software", "echo $$; exec sleep 1000 >/dev/null 2>&1");
  return harness.start({ doubles, isRuntimeQuiet: false });
}

/** SIGUSR1 is the tenth bit of SigCgt (proc_pid_status(5)). */
async function catchesUsr1({ pid }: RunningProgram): Promise<boolean> {
  const [, caught] = /^SigCgt:\s*([\da-f]+)$/m.exec(await runTool("cat", `/proc/${pid}/status`))!;
  return (BigInt(`0x${caught}`) & 0x200n) !== 0n;
}

testWith([POSIX], "a storm of signals neither ends a run nor opens the debugger port", async () => {
  await using harness = await AttackHarness.open();
  await using run = await startNoisily(harness);
  const [pid] = await run.stdout.match(/\d+\n/);
  const beganMs = performance.now();
  while (performance.now() - beganMs < STORM_MS) {
    for (const signal of STORM) run.kill(signal);
    assert(await isRunning(Number(pid)));
  }
  await run.stderr.match(/the license has not changed/);
  run.kill("SIGTERM");
  const { code, stderr } = await run.end();
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "Received signal SIGTERM, shutting down...");
  assert(!INSPECTOR.test(stderr), stderr);
  assert(!await isRunning(Number(pid)));
});

testWith(
  [POSIX, { need: "the program from source", met: COMPILED === undefined }],
  "a daemon, which writes statistics at SIGUSR1, closes the debugger port again",
  async () => {
    await using harness = await DaemonHarness.open();
    await using daemon = harness.start({ isRuntimeQuiet: false });
    await harness.logged(/starting -> running/);
    // nothing tells when the runtime begins to listen for the signal
    while (!INSPECTOR.test(daemon.stderr.text)) {
      daemon.kill("SIGUSR1");
      assert(await isRunning(daemon.pid));
    }
    const [, address] = /listening on ws:\/\/([\d.:]+)\//.exec(daemon.stderr.text) ?? [];
    // another process may have its port
    if (address === undefined) return;
    await harness.logged(/closed the debugger port that the runtime opened at SIGUSR1/);
    const list = () => fetch(`http://${address}/json/list`).then((it) => it.text(), () => "");
    // a second signal may have been on its way when the first was taken back
    const untilMs = performance.now() + TAKEN_BACK_MS;
    let listed = await list();
    while (listed.includes(`[pid: ${daemon.pid}]`) && performance.now() < untilMs) {
      listed = await list();
    }
    assert(!listed.includes(`[pid: ${daemon.pid}]`), listed);
  },
);

testWith(
  [POSIX],
  "if the runtime handles SIGUSR1, the debugger port opens: the attack",
  async () => {
    await using harness = await AttackHarness.open();
    await using run = await startNoisily(harness, {
      "src/platform/unix/inspector.ts": "open_to_debuggers.ts",
    });
    await run.stdout.match(/\d+\n/);
    while (!await catchesUsr1(run));
    run.kill("SIGUSR1");
    await run.stderr.match(INSPECTOR);
  },
);
