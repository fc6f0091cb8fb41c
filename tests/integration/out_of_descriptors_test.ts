// Not on Windows: the software is a shell script.
import { assertEquals } from "@std/assert";
import { ConnectionFlood, connectTo, withDescriptors } from "../support/connection_flood.ts";
import { RunHarness } from "../support/run_harness.ts";
import { STAY } from "../support/daemon_harness.ts";
import { PINNED_RUNTIME, runProgram, startProgram } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { OPENSSL } from "../support/test_remote.ts";

/** Enough for a program to run, and fewer than a flood has connections. */
const DESCRIPTORS = 72, FLOOD = 250;

/** How often a text says that connections could not be accepted. */
function warnings(text: string): number {
  return [...text.matchAll(/cannot accept/g)].length;
}

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
