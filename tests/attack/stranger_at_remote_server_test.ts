// Not on Windows: the server does not run there.
/**
 * The attacker is a stranger on the network without a certificate, and opens TCP connections to `sentinel server` until all
 * places of handshakes are taken, so that no operator gets in. The handshakes that have taken longest give way.
 */
import { assertEquals } from "@std/assert";
import { ConnectionFlood, connectTo } from "../support/connection_flood.ts";
import type { Doubles } from "../support/doubles.ts";
import { RemoteProgramHarness } from "../support/remote_program_harness.ts";
import { POSIX, testWith } from "../support/requirements.ts";
import { OPENSSL } from "../support/test_remote.ts";

const FLOOD = 72;

/** The status with which an operator's command ends during the flood, and the lines that the server logs of it. */
async function attack(doubles?: Doubles) {
  await using setup = await RemoteProgramHarness.open();
  await using server = await setup.serve([], { doubles });
  using flood = await ConnectionFlood.open(connectTo(server.port), FLOOD);
  const { code } = await setup.ops(server, "list");
  void flood;
  server.program.kill("SIGTERM");
  const { stderr } = await server.program.end();
  const lines = stderr.split("\n").filter((line) => /127\.0\.0\.1/.test(line));
  return { code, lines: lines.length };
}

testWith([POSIX, ...OPENSSL], "anonymous connections keep no operator out", async () => {
  const { code, lines } = await attack();
  // those that are left when the server ends are audited, the others are one line
  assertEquals([code, lines < 24], [0, true]);
});

testWith(
  [POSIX, ...OPENSSL],
  "if pending handshakes keep their places, no operator gets in: the attack",
  async () => {
    const { code } = await attack({
      "src/net/admission.ts": [["if (given === undefined) return undefined;", "return undefined;"]],
    });
    assertEquals(code, 87);
  },
);
