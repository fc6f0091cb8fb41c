// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { needsProgram, testWith } from "../support/requirements.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";

const GET_LICENSE = '{"method":"get_license"}';

/** Says its pid and the socket, then stays. */
const STAY = `echo $$ $SENTINEL_IPC_SOCKET; exec sleep 1000`;

/** A license of another file takes the place of the one that runs. */
async function replaceLicense(harness: RunHarness, by: string): Promise<void> {
  await Deno.rename(harness.folder.at(`${by}.lic`), harness.folder.at("K1.lic"));
}

Deno.test("SIGHUP puts a new license in the old one's place while the software runs on", async () => {
  await using harness = await RunHarness.open("--feature", "seats=5");
  await harness.issue("K2", "--feature", "seats=50");
  await using run = harness.start(await harness.script("software", STAY));
  const [, pid, socket] = await run.stdout.match(/(\d+) (\S+)\n/);
  using watcher = await connectPeer(socket!);
  await watcher.send('{"method":"watch"}\n');
  assertEquals(await watcher.line(), '{"status":"ok"}');
  await replaceLicense(harness, "K2");
  run.kill("SIGHUP");
  assertEquals(await watcher.line(), '{"event":"license_changed"}');
  const features = await ask(socket!, '{"method":"get_features"}');
  assertEquals(features, '{"status":"ok","features":{"seats":50}}');
  await harness.vendor("revoke", "K2", "--database", harness.folder.at("vendor.db"));
  run.kill("SIGUSR2");
  const { code, stderr } = await run.end();
  assertEquals(code, 81, stderr);
  assertStringIncludes(stderr, "license changed: K2, valid to 2999-12-31");
  assertStringIncludes(stderr, "stopping the software: license has been revoked");
  assert(!await isRunning(Number(pid)));
});

const KEPT = [
  ["is no license", "{", "cannot reload the license: invalid license file"],
  ["is gone", undefined, "cannot reload the license: license file not found"],
] as const;

for (const [what, text, message] of KEPT) {
  Deno.test(`a new license file that ${what} changes nothing`, async () => {
    await using harness = await RunHarness.open();
    await using run = harness.start(await harness.script("software", STAY));
    const [, socket] = await run.stdout.match(/\d+ (\S+)\n/);
    const file = harness.folder.at("K1.lic");
    if (text === undefined) await Deno.remove(file);
    else await Deno.writeTextFile(file, text);
    run.kill("SIGHUP");
    await run.stderr.match(new RegExp(message));
    assertStringIncludes((await ask(socket!, GET_LICENSE))!, '"license_key":"K1"');
    run.kill("SIGTERM");
    assertEquals((await run.end()).code, 0);
  });
}

Deno.test("a license of another type leaves the old one in force", async () => {
  await using harness = await RunHarness.open();
  await harness.vendor(
    ...["issue", "--type", "hardware-bound", "--fingerprint", "ab".repeat(32)],
    ...["--org", "acme", "--software-id", "rocket", "--expires", "2999-12-31"],
    ...["--key", harness.folder.at("org_private_key.pem"), "--out", harness.folder.at("K2.lic")],
  );
  await using run = harness.start(await harness.script("software", STAY));
  await run.stdout.match(/\d+ \S+\n/);
  await replaceLicense(harness, "K2");
  run.kill("SIGHUP");
  await run.stderr.match(/cannot reload the license: the license type cannot change while /);
  run.kill("SIGTERM");
  assertEquals((await run.end()).code, 0);
});

Deno.test("a license that the server refuses leaves the old one in force, its meter running on", async () => {
  await using harness = await RunHarness.open();
  await harness.issue("K2");
  await harness.vendor("revoke", "K2", "--database", harness.folder.at("vendor.db"));
  await using run = harness.start(await harness.script("software", STAY));
  const [, , socket] = await run.stdout.match(/(\d+) (\S+)\n/);
  await replaceLicense(harness, "K2");
  run.kill("SIGHUP");
  await run.stderr.match(/cannot reload the license: activation refused/);
  assertStringIncludes((await ask(socket!, GET_LICENSE))!, '"license_key":"K1"');
  run.kill("SIGUSR2");
  await run.stderr.match(/(?:heartbeat: ACTIVE[^]*){3}/);
  await harness.vendor("revoke", "K1", "--database", harness.folder.at("vendor.db"));
  run.kill("SIGUSR2");
  assertEquals((await run.end()).code, 81);
});

const HANG_UP = `
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
while b"ready" not in text:
    text += os.read(fd, 4096)
os.close(fd)
_, status = os.waitpid(pid, 0)
print("status", os.waitstatus_to_exitcode(status))
`;

testWith(
  [needsProgram("python3")],
  "a run ends with its terminal",
  async () => {
    await using harness = await RunHarness.open();
    const software = await harness.script(
      "software",
      `echo $$ > "$0.pid"; echo ready; sleep 1000`,
    );
    const { stdout, stderr } = await harness.runOnTerminal(software, HANG_UP);
    assertStringIncludes(stdout, "status 0", stderr);
    assert(!await isRunning(Number(await Deno.readTextFile(`${software}.pid`))));
  },
);
