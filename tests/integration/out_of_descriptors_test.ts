// Not on Windows: the software is a shell script.
import { assertEquals } from "@std/assert";
import { ConnectionFlood, withDescriptors } from "../support/connection_flood.ts";
import { RunHarness } from "../support/run_harness.ts";
import { DaemonHarness, STAY } from "../support/daemon_harness.ts";
import { freePort } from "../support/free_port.ts";
import { isRunning } from "../support/process_state.ts";
import { PINNED_RUNTIME, runProgram, startProgram } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { OPENSSL } from "../support/test_remote.ts";

/** Enough for a program to run, and fewer than a flood has connections. */
const DESCRIPTORS = 72, FLOOD = 250;

/** Longer than any pause between two listeners. */
const PATIENCE_MS = 30_000;

function connectTo(port: number): () => Promise<Deno.Conn> {
  return () => Deno.connect({ hostname: "127.0.0.1", port });
}

/** How often a text says that connections could not be accepted. */
function warnings(text: string): number {
  return [...text.matchAll(/cannot accept/g)].length;
}

testWith(
  [POSIX, PINNED_RUNTIME],
  "a license server that is out of descriptors goes on, and says so once",
  async () => {
    await using base = await RunHarness.open();
    await base.stopServer();
    const port = freePort();
    await using server = startProgram([
      ...["vendor", "serve", "--key", base.folder.at("org_private_key.pem")],
      ...["--database", base.folder.at("vendor.db"), "--port", String(port)],
    ], { wrapper: withDescriptors(DESCRIPTORS) });
    await server.stdout.match(/listening on /);
    const ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } });
      await answer.body?.cancel();
      return answer.status;
    };
    assertEquals(await ask(), 404);
    for (let round = 0; round < 3; round++) {
      using flood = await ConnectionFlood.open(connectTo(port), FLOOD);
      await server.stderr.match(/idle connections are closed: cannot accept more: Too many open/);
      void flood;
    }
    assertEquals(await answered(ask), 404);
    server.kill("SIGTERM");
    const { code, stderr } = await server.end();
    assertEquals([code, warnings(stderr)], [0, 1]);
  },
);

/** The answer as soon as somebody listens: between two listeners a connection is refused. */
async function answered<T>(ask: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
  }
}

testWith(
  [POSIX, PINNED_RUNTIME],
  "a daemon whose health endpoint uses all descriptors keeps running, and so does its software",
  async () => {
    const port = freePort();
    await using harness = await DaemonHarness.open({
      tables: `[health]\nlisten = "127.0.0.1:${port}"`,
    });
    await using daemon = harness.start({ wrapper: withDescriptors(DESCRIPTORS) });
    const [pid] = await harness.softwarePids(1);
    const ask = async () => (await fetch(`http://127.0.0.1:${port}/health`)).json();
    assertEquals((await answered(ask)).state, "running");
    for (let round = 0; round < 3; round++) {
      using flood = await ConnectionFlood.open(connectTo(port), FLOOD);
      await harness.logged(/idle connections are closed: cannot accept more: Too many open/);
      void flood;
    }
    assertEquals((await answered(ask)).state, "running");
    assertEquals(warnings(await harness.log()), 1);
    assertEquals(await isRunning(pid!), true);
    daemon.kill("SIGTERM");
    assertEquals((await daemon.end()).code, 0);
    await harness.requireNothingLeft();
  },
);

testWith(
  [POSIX, ...OPENSSL, PINNED_RUNTIME],
  "a remote server that is out of descriptors answers again once there are some",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    await using server = await setup.serve([], { wrapper: withDescriptors(DESCRIPTORS) });
    const { stdout: id } = await setup.ops(server, "start", "sleep", "1000");
    for (let round = 0; round < 2; round++) {
      using flood = await ConnectionFlood.open(connectTo(server.port), FLOOD);
      await server.program.stderr.match(/cannot accept more: Too many open files/);
      void flood;
    }
    const { code, stdout, stderr } = await setup.ops(server, "status", id.trim());
    assertEquals([code, stdout], [0, "running\n"], stderr);
    assertEquals(warnings(server.program.stderr.text), 1);
  },
);

testWith(
  [POSIX],
  "a run whose socket uses all descriptors says so once, and answers again",
  async () => {
    await using base = await RunHarness.open();
    const software = await base.script("software", STAY);
    const options = base.programOptions();
    await using run = startProgram(base.runArguments(software), {
      ...options,
      // fewer than a socket admits
      wrapper: withDescriptors(60),
    });
    await run.stderr.match(/software launched/);
    const [name] = (await base.sockets()).filter((name) => name.endsWith(".sock"));
    const path = base.folder.at(`runtime/sentinel/${name}`);
    for (let round = 0; round < 2; round++) {
      using flood = await ConnectionFlood.open(
        () => Deno.connect({ transport: "unix", path }),
        FLOOD,
      );
      await run.stderr.match(/ipc cannot accept a connection: Too many open files/);
      void flood;
    }
    const { code, stderr } = await runProgram(["ipc", "health", "--socket", path], options);
    assertEquals(code, 0, stderr);
    assertEquals(warnings(run.stderr.text), 1);
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
    assertEquals(await base.sockets(), []);
  },
);
