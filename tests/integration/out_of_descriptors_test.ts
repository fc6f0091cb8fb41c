// Not on Windows: the server does not run there.
import { assertEquals } from "@std/assert";
import { ConnectionFlood, connectTo, withDescriptors } from "../support/connection_flood.ts";
import { PINNED_RUNTIME } from "../support/program.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { OPENSSL } from "../support/test_remote.ts";

/** Enough for a program to run, and fewer than a flood has connections. */
const DESCRIPTORS = 72, FLOOD = 100;

/** How often a text says that connections could not be accepted. */
function warnings(text: string): number {
  return [...text.matchAll(/cannot accept/g)].length;
}

testWith(
  [POSIX, ...OPENSSL, PINNED_RUNTIME],
  "a remote server that is out of descriptors answers again once there are some",
  async () => {
    await using setup = await RemoteProgramHarness.open();
    await using server = await setup.serve([], {
      wrapper: withDescriptors(DESCRIPTORS),
      // its processes may use up the descriptors, in spite of the admission
      doubles: {
        "src/net/admission.ts": [["if (mustMakeRoom) {", "if (mustMakeRoom && false) {"]],
      },
    });
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
