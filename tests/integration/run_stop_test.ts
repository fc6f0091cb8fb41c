// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { isRunning } from "../support/process_state.ts";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} stops software and socket and ends with 0`, async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script(
      "software",
      'trap "echo bye; exit 3" TERM; echo $$; while :; do sleep 0.01; done',
    );
    await using run = harness.start(software);
    const [pid] = await run.stdout.match(/\d+\n/);
    run.kill(signal);
    const { code, stdout, stderr } = await run.end();
    assertEquals(code, 0);
    assertStringIncludes(stderr, `INFO: Received signal ${signal}, shutting down...`);
    assertStringIncludes(stdout, "bye");
    assert(!await isRunning(Number(pid)));
    assertEquals(await harness.sockets(), []);
  });
}

Deno.test("SIGINT while the license server takes its time ends with 0, and nothing is launched", async () => {
  await using harness = await RunHarness.open();
  await harness.stopServer();
  const asked = Promise.withResolvers<void>(), over = Promise.withResolvers<Response>();
  const server = Deno.serve({ hostname: "127.0.0.1", port: harness.port, onListen() {} }, () => {
    asked.resolve();
    return over.promise;
  });
  await using run = harness.start(await harness.script("software", "echo launched"));
  await asked.promise;
  run.kill("SIGINT");
  const { code, stdout, stderr } = await run.end();
  over.resolve(new Response());
  await server.shutdown();
  assertEquals({ code, stdout }, { code: 0, stdout: "" });
  assert(stderr.endsWith("INFO: Received signal SIGINT, shutting down...\n"), stderr);
});

Deno.test("a second SIGINT kills software that does not want to stop, long before its grace is over", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script(
    "software",
    'trap "echo no" TERM; echo $$; while :; do sleep 0.01; done',
  );
  await using run = harness.start(software, { env: { ENDLESS_PATIENCE: "1" } });
  const [pid] = await run.stdout.match(/\d+\n/);
  run.kill("SIGINT");
  await run.stdout.match(/no/);
  run.kill("SIGINT");
  assertEquals((await run.end()).code, 0);
  assert(!await isRunning(Number(pid)));
});

Deno.test("software of an earlier, killed run is stopped before the next launch", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "echo $$; exec sleep 1000 >/dev/null 2>&1");
  await using killed = harness.start(software);
  const [pid] = await killed.stdout.match(/\d+\n/);
  await killed.stderr.match(/software launched/);
  killed.kill("SIGKILL");
  await killed.end();
  assert(await isRunning(Number(pid)));
  await using run = harness.start(software);
  await run.stdout.match(/\d+\n/);
  assert(!await isRunning(Number(pid)));
  assertStringIncludes(
    run.stderr.text,
    `stopping the software that an earlier run left behind (pid ${Number(pid)})`,
  );
});

Deno.test("software of a run that was killed in the launch itself is known by its mark", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script(
    "software",
    "echo $$ $SENTINEL_IPC_SOCKET; exec sleep 1000 >/dev/null 2>&1",
  );
  await using killed = harness.start(software);
  const [, pid, socket] = await killed.stdout.match(/(\d+) (.+)\n/);
  await killed.stderr.match(/software launched/);
  killed.kill("SIGKILL");
  await killed.end();
  const record = `${socket}.lock`;
  const { mark } = JSON.parse(await Deno.readTextFile(record));
  await Deno.writeTextFile(record, JSON.stringify({ mark }) + "\n");
  await using run = harness.start(software);
  await run.stdout.match(/\d+ .+\n/);
  assert(!await isRunning(Number(pid)));
  assertStringIncludes(
    run.stderr.text,
    `stopping the software that an earlier run left behind (pid ${pid})`,
  );
});
