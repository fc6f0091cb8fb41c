// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
/** How daemons end: with their software, because of it, or before it. */
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

Deno.test("software that exits with success ends the daemon with 0, and with any other final status with that", async () => {
  await using harness = await DaemonHarness.open({
    script: 'exit "$1"',
    softwareKeys: 'args = ["3"]\nsuccess_exit_codes = [3]\nno_restart_exit_codes = [4]',
  });
  await using good = harness.start();
  assertEquals((await good.end()).code, 0);
  const { code } = await runProgram(
    harness.arguments(["start", "--foreground", "--", "4"]),
    harness.programOptions,
  );
  assertEquals(code, 4);
  await harness.requireNothingLeft();
});

Deno.test("software that keeps crashing ends the daemon with 70, and the log says why", async () => {
  await using harness = await DaemonHarness.open({
    script: "exit 1",
    tables: "[health]\nmax_restart_attempts = 2",
  });
  await using daemon = harness.start();
  assertEquals((await daemon.end()).code, 70);
  assertStringIncludes(await harness.log(), "ERROR: maximum recovery attempts reached");
  assertStringIncludes(await harness.log(), "state: stopping -> error");
  await harness.requireNothingLeft();
});

Deno.test("a killed daemon leaves a stale PID file and software, which the next start cleans up", async () => {
  await using harness = await DaemonHarness.open();
  await using killed = harness.start();
  await harness.logged(/starting -> running/);
  const [left] = await harness.softwarePids(1);
  killed.kill("SIGKILL");
  await killed.end();
  assertEquals(await isRunning(left!), true);
  assertEquals((await harness.daemon("status")).code, 87);
  assertEquals((await harness.daemon("start")).code, 0);
  assertEquals(await isRunning(left!), false);
  assertEquals((await harness.softwarePids(2)).length, 2);
});

Deno.test("software that ignores the stop is killed before the shutdown's time is over", async () => {
  await using harness = await DaemonHarness.open({
    script: `trap "" TERM; echo $$ >> "$0.starts"; while :; do sleep 0.05; done`,
    tables: "[shutdown]\ntimeout_ms = 3000",
  });
  await harness.daemon("start");
  await harness.softwarePids(1);
  assertEquals((await harness.daemon("stop")).code, 0);
  await harness.requireNothingLeft();
  assertStringIncludes(await harness.log(), "state: stopping -> stopped");
});

/** Ends all that strace follows: it heeds no signal itself where it writes to a file, and ends with the last of them. */
function stopAtEnd(harness: DaemonHarness): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await harness.daemon("stop");
      const left = (await harness.softwarePids(0)).map(String);
      await new Deno.Command("kill", { args: ["-KILL", ...left], stderr: "null" }).output();
    },
  };
}

testWith(
  [needsProgram("strace")],
  "a shutdown that takes too long is an emergency, and the next start cleans up",
  async () => {
    await using harness = await DaemonHarness.open({ tables: "[shutdown]\ntimeout_ms = 1" });
    await using daemon = harness.start({
      // no signal arrives; without -f strace follows neither the software nor waits for it
      wrapper: [
        ...["strace", "-qq", "-o", "/dev/null", "-e", "trace=kill,pidfd_send_signal"],
        ...["-e", "inject=kill,pidfd_send_signal:retval=0"],
      ],
    });
    const [, pid] = await harness.written("runtime/sentinel/software.pid", /^(\d+)\n/);
    await harness.logged(/starting -> running/);
    await harness.softwarePids(1);
    Deno.kill(Number(pid), "SIGTERM");
    const { code, stderr } = await daemon.end();
    assertEquals(code, 70);
    const message = "emergency shutdown: not stopped within 1 ms\n";
    assertStringIncludes(stderr, `sentinel: error: ${message}`);
    assertStringIncludes(await harness.log(), `ERROR: ${message}`);
    const pidFile = harness.at("runtime/sentinel/software.pid");
    await assertRejects(() => Deno.lstat(pidFile), Deno.errors.NotFound);
    await harness.configure({});
    assertEquals((await harness.daemon("start")).code, 0);
    const [left, now] = await harness.softwarePids(2);
    assertEquals([await isRunning(left!), await isRunning(now!)], [false, true]);
  },
);

testWith(
  [needsProgram("strace")],
  "software that cannot be killed is named in the log, and left to the next start",
  async () => {
    await using harness = await DaemonHarness.open({ tables: "[shutdown]\ntimeout_ms = 8000" });
    await using daemon = harness.start({
      wrapper: [
        ...["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null"],
        ...["-e", "trace=kill,pidfd_send_signal"],
        ...["-e", "inject=kill,pidfd_send_signal:error=EPERM"],
      ],
    });
    await using _stop = stopAtEnd(harness);
    await harness.logged(/starting -> running/);
    const [software] = await harness.softwarePids(1);
    assertEquals((await harness.daemon("stop")).code, 0);
    assertStringIncludes(await harness.log(), `ERROR: Cannot stop sleep (pid ${software}): denied`);
    assertEquals(await isRunning(software!), true);
    assertEquals((await harness.daemon("start")).code, 0);
    assertEquals(await isRunning(software!), false);
    const left = `stopping the software that an earlier run left behind (pid ${software})`;
    assertStringIncludes(await harness.log(), left);
    // strace runs as long as any process that it traces
    assertEquals((await daemon.end()).code, 0);
  },
);
