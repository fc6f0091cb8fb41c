import { assert, assertEquals, assertMatch } from "@std/assert";
import { openLibraries } from "../support/open_libraries.ts";
import { runProgram } from "../support/program.ts";
import { testWith, WINDOWS } from "../support/requirements.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";
import { isThere, STAY, WindowsHarness } from "../support/windows_harness.ts";

openLibraries();

/** Asks for the license as any program would, over the pipe that it is told of. */
const ASK = `import { connect } from "node:net";
const socket = connect(Deno.env.get("SENTINEL_IPC_SOCKET"));
socket.write('{"method":"get_license"}\\n');
socket.once("data", (line) => { console.log(String(line).trim(), Deno.args[0]); Deno.exit(7); });`;

testWith(
  [WINDOWS],
  "Windows: the software runs under its license and asks for it over the pipe",
  async () => {
    await using harness = await WindowsHarness.open(ASK);
    const { code, stdout, stderr } = await runProgram(harness.runArguments, harness.programOptions);
    assertEquals(code, 7, stderr);
    assertMatch(stdout, /^\{"status":"ok","license":\{"license_key":"K1",.*\} a b"c/);
    const names = Array.from(
      Deno.readDirSync(harness.base.folder.at("state")),
      ({ name }) => name,
    );
    assert(names.includes("keystore.sealed"), names.join());
  },
);

testWith(
  [WINDOWS],
  "Windows: a stop over the pipe ends the software and its descendants",
  async () => {
    await using harness = await WindowsHarness.open(STAY);
    await using run = harness.start();
    const [, software, child] = await run.stdout.match(/pids (\d+) (\d+)/);
    const status = await runProgram(["ipc", "status"], harness.programOptions);
    assertEquals(status.code, 0, status.stderr);
    assertEquals(JSON.parse(status.stdout).pid, Number(software));
    assertEquals((await runProgram(["ipc", "stop"], harness.programOptions)).code, 0);
    assertEquals((await run.end()).code, 0);
    assertEquals([await isThere(software), await isThere(child)], [false, false]);
  },
);

testWith([WINDOWS], "Windows: no child survives a killed sentinel", async () => {
  await using harness = await WindowsHarness.open(STAY);
  await using run = harness.start();
  const [, software, child] = await run.stdout.match(/pids (\d+) (\d+)/);
  run.kill("SIGKILL");
  await run.end();
  assertEquals([await isThere(software), await isThere(child)], [false, false]);
});

testWith([WINDOWS], "Windows: doctor reports the key's seal and the pipe", async () => {
  await using folder = await temporaryFolder();
  const { stdout } = await runProgram(["doctor", "--state-dir", folder.at("state")]);
  assertMatch(stdout, /keystore .*will be a dpapi key/);
  assertMatch(stdout, /socket .*will be a pipe; no sentinel runs/);
});

testWith([WINDOWS], "Windows: the machine's fingerprint is read without programs", async () => {
  const { code, stdout, stderr } = await runProgram(["fingerprint", "--json"]);
  assertEquals(code, 0, stderr);
  assert(JSON.parse(stdout).components.machine_id.readable);
});
