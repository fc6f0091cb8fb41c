// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ConfiguredRun } from "../support/configured_run.ts";
import { isRunning } from "../support/process_state.ts";
import { runProgram } from "../support/program.ts";
import { watchEvents } from "../support/watched_events.ts";

/** A customer whose software is a script, looked after as the keys of `[health]` say. */
async function open(script: string, health: string, keys = ""): Promise<ConfiguredRun> {
  const harness = await ConfiguredRun.open();
  await harness.base.script("software", script);
  await harness.configure("software", { softwareKeys: keys, tables: `[health]\n${health}` });
  return harness;
}

/** Counts its starts in a file beside it and says which this is. */
const COUNT = `n=$(($(cat "$0.starts" 2>/dev/null) + 1)); echo $n > "$0.starts"; echo start $n $$`;

Deno.test("software that crashes is started again until it ends as it should", async () => {
  await using harness = await open(
    `${COUNT}; [ $n -lt 3 ] && exit 5; exit 3`,
    "",
    "success_exit_codes = [0, 3]",
  );
  const { code, stdout, stderr } = await harness.run();
  assertEquals(code, 3, stderr);
  assertEquals(stdout.match(/start \d/g), ["start 1", "start 2", "start 3"]);
  assertStringIncludes(stderr, "the software exited with status 5: restart 1 of 5 now");
  assertStringIncludes(stderr, "the software exited with status 5: restart 2 of 5 in ");
});

Deno.test("a status that is not worth a restart is the run's", async () => {
  await using harness = await open(`${COUNT}; exit 9`, "", "no_restart_exit_codes = [9]");
  const { code, stdout } = await harness.run();
  assertEquals([code, stdout.match(/start/g)?.length], [9, 1]);
});

Deno.test("software that keeps crashing ends the run with 70 and leaves nothing behind", async () => {
  const script = `${COUNT}; while ! [ -e "$0.go" ]; do sleep 0.05; done; kill -SEGV $$`;
  await using harness = await open(script, "max_restart_attempts = 2");
  await using run = harness.start();
  await run.stdout.match(/start 1/);
  const events = await watchEvents(harness.base);
  await Deno.writeTextFile(harness.at("software.go"), "");
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stdout.match(/start/g)?.length], [70, 3]);
  assertEquals(await events.last, {
    event: "stopping",
    reason: "recovery.exhausted",
    message: "maximum recovery attempts reached",
  });
  assert(stderr.endsWith("sentinel: error: maximum recovery attempts reached\n"), stderr);
  assertEquals(await harness.base.sockets(), []);
});

Deno.test("software that cannot be launched again is tried as often as may be, and then ends the run", async () => {
  await using harness = await open('rm "$0"; exit 5', "max_restart_attempts = 2");
  const { code, stderr } = await harness.run();
  assertEquals(code, 70);
  assertStringIncludes(stderr, "the software exited with status 5: restart 1 of 2 now");
  assertStringIncludes(stderr, `ERROR: software not found: ${harness.at("software")}`);
  assertStringIncludes(stderr, "the software could not be launched: restart 2 of 2 in ");
  assert(stderr.endsWith("sentinel: error: maximum recovery attempts reached\n"), stderr);
});

Deno.test("without [health] a crash is the end, though the file has exit statuses", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", `${COUNT}; exit 5`);
  await harness.configure("software", { softwareKeys: "success_exit_codes = [0]" });
  const { code, stdout } = await harness.run();
  assertEquals([code, stdout.match(/start/g)?.length], [5, 1]);
});

Deno.test("a restart waits until the crashed software's descendants are stopped", async () => {
  await using harness = await open(
    `${COUNT}; [ $n = 2 ] && { kill -0 $(cat "$0.left") 2>/dev/null && echo beside; exit 0; }
     setsid sleep 1000 & echo $! > "$0.left"; exit 5`,
    "",
  );
  const { code, stdout } = await harness.run();
  assertEquals(code, 0);
  assert(!stdout.includes("beside"), stdout);
});

/** Where nobody listens: a service of long ago had that port; to port 1 `fetch` sends nothing. */
const DEAF = "127.0.0.1:2";

/** What `[health]` has, and what the log says at the third failure. */
const UNHEALTHY: Readonly<Record<string, readonly [string, RegExp]>> = {
  "whose memory is over its limit": ["memory_limit_mb = 1", /memory: uses [\d.]+ MiB/],
  "whose script fails": ['health_check_script = "check"', /script: exited: 4\n/],
  "that does not listen": [`probe = "tcp:${DEAF}"`, /probe: Connection refused/],
  "that answers no HTTP": [
    `probe = "http:http://${DEAF}/up"`,
    /probe: client error .*refused/,
  ],
  "that never asks over the socket": [
    'probe = "ipc"',
    /probe: no request over the socket since the last check\n/,
  ],
};

for (const [what, [health, fault]] of Object.entries(UNHEALTHY)) {
  Deno.test(`software ${what} is unhealthy after three checks, and restarted`, async () => {
    // on a slow machine later starts are found unhealthy as well before SIGTERM arrives
    await using harness = await open(
      "echo start; exec sleep 1000",
      `check_interval_ms = 20\nmax_restart_attempts = 1000\n${health}`,
    );
    await harness.base.script("check", "exit 4");
    await using run = harness.start();
    await run.stdout.match(/start\nstart\n/);
    run.kill("SIGTERM");
    const { code, stderr } = await run.end();
    assertEquals(code, 0, stderr);
    assertMatch(stderr, new RegExp(`health check failed \\(3 in a row\\): ${fault.source}`));
    assertStringIncludes(stderr, "the software is unhealthy: restart 1 of 1000 now");
  });
}

Deno.test("if restarts are off, unhealthy software keeps running, and status reports it", async () => {
  await using harness = await open(
    `echo $$ $SENTINEL_IPC_SOCKET; exec sleep 1000`,
    'check_interval_ms = 20\nrestart_on_failure = false\nprobe = "exec:/bin/false"',
  );
  await using run = harness.start();
  const [, pid, socket] = await run.stdout.match(/(\d+) (\S+)\n/);
  await run.stderr.match(/health check failed \(4 in a row\): probe: exited: 1/);
  const { stdout } = await runProgram(["ipc", "status", "--json", "--socket", socket!]);
  const { health, pid: shown, restarts } = JSON.parse(stdout);
  assertEquals([health.status, health.checks.probe], ["unhealthy", "exited: 1"]);
  assertEquals([shown, restarts], [Number(pid), 0]);
});

Deno.test("restart over the socket stops the software with its descendants and starts it again", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script(
    "software",
    `sleep 1000 & ${COUNT} $SENTINEL_IPC_SOCKET $!; exec sleep 1000`,
  );
  await harness.configure("software");
  await using run = harness.start();
  const [, first, socket, child] = await run.stdout.match(/start 1 (\d+) (\S+) (\d+)\n/);
  const { code, stdout } = await runProgram(["ipc", "restart", "--json", "--socket", socket!]);
  const [, second] = await run.stdout.match(/start 2 (\d+) /);
  assertEquals([code, JSON.parse(stdout)], [0, { status: "ok", pid: Number(second) }]);
  assertEquals([await isRunning(Number(first)), await isRunning(Number(child))], [false, false]);
  run.kill("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("SIGTERM ends a run that waits for its next restart", async () => {
  await using harness = await open("exit 5", "restart_delay_ms = 3600000");
  await using run = harness.start();
  await run.stderr.match(/restart 1 of 5 in 3600000 ms/);
  run.kill("SIGTERM");
  assertEquals((await run.end()).code, 0);
});
