// Not on Windows: the attacks are made with shell scripts and Unix sockets.
/**
 * The attacker puts a server of his own into the socket's place: one that gives every feature, or a bridge to the Sentinel of
 * another machine. Software that checks the proof takes features from a license that the vendor signed, and from nothing else;
 * a Sentinel that serves only its own software gives a bridge nothing.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { AttackHarness } from "../support/attack_harness.ts";
import { IpcExample } from "../support/ipc_example.ts";
import { makeOrganization } from "../support/organization.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const NODE = needsProgram("node");

/** A server on a Unix socket; disposing it closes the socket, not the connections. */
function serve(path: string, answer: (client: Deno.Conn) => Promise<unknown>): Disposable {
  const listener = Deno.listen({ transport: "unix", path });
  (async () => {
    for await (const client of listener) void answer(client).catch(() => {});
  })();
  return { [Symbol.dispose]: () => listener.close() };
}

/** Gives every client a license with a million seats. */
function serveLies(path: string): Disposable {
  const license = {
    ...{ license_key: "FAKE", software_id: "web", expiry_date: "2999-12-31" },
    features: { seats: 1_000_000 },
  };
  const payload = btoa(JSON.stringify(license));
  const proof = { envelope: { payload, sig: "MAYCAQECAQE" }, answer: null, reason: "grace" };
  const line = JSON.stringify({ status: "ok", license, ...proof }) + "\n";
  return serve(path, async (client) => {
    await client.read(new Uint8Array(4096));
    await client.write(new TextEncoder().encode(line));
    client.close();
  });
}

/** Passes everything on to another socket and back, as `socat` does. */
function bridge(path: string, target: string): Disposable {
  return serve(path, async (client) => {
    const sentinel = await Deno.connect({ transport: "unix", path: target });
    await Promise.all([
      client.readable.pipeTo(sentinel.writable),
      sentinel.readable.pipeTo(client.writable),
    ]);
  });
}

testWith([NODE], "a fake server's features are refused by software that checks", async () => {
  await using folder = await temporaryFolder();
  using _fake = serveLies(folder.at("fake.sock"));
  await using example = await IpcExample.open("license.mjs", await makeOrganization());
  const { code, output } = await example.run(folder.at("fake.sock"));
  assert(code !== 0 && !output.includes("FAKE {"), output);
  assertStringIncludes(output, "not signed by the vendor");
});

testWith([NODE], "without that check, a fake server gives any features: the attack", async () => {
  await using folder = await temporaryFolder();
  using _fake = serveLies(folder.at("fake.sock"));
  await using example = await IpcExample.open(
    "license.mjs",
    await makeOrganization(),
    (source) => source.replace("if (!isGenuine)", "if (false)"),
  );
  const { code, output } = await example.run(folder.at("fake.sock"));
  assertEquals(code, 0, output);
  assertStringIncludes(output, 'FAKE {"seats":1000000}');
});

/** Runs the example, as another machine, over a bridge to a program with this built in. */
async function runOverBridge(build: string): Promise<{ code: number; output: string }> {
  await using harness = await AttackHarness.open({ software_id: "web" });
  await harness.script("software", "echo at $SENTINEL_IPC_SOCKET; exec sleep 1000");
  await using example = await IpcExample.open("license.mjs", harness.organization);
  await using run = harness.start({ fixture: "as_built.ts", env: { BUILD: build } });
  const [, target] = await run.stdout.match(/at (.*)\n/);
  using _bridge = bridge(harness.at("bridge.sock"), target!);
  const result = await example.run(harness.at("bridge.sock"));
  run.kill("SIGTERM");
  assertEquals((await run.end()).code, 0);
  return result;
}

testWith([NODE], "a bridge gets nothing of a Sentinel that knows its software", async () => {
  const { code, output } = await runOverBridge('{"ipcPeer":"child"}');
  assert(code !== 0, output);
  assertStringIncludes(output, "permission denied: get_license");
});

testWith(
  [NODE],
  "any process of the user can lend the seat over a bridge: the attack",
  async () => {
    const { code, output } = await runOverBridge("{}");
    assertEquals(code, 0, output);
    assertStringIncludes(output, 'ACME-0001 {"name":"Zoë","seats":5}');
  },
);
