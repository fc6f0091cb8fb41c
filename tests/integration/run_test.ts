// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { RunHarness } from "../support/run_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { runProgram } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

testWith(
  [needsProgram("python3")],
  "a real server is kept alive by heartbeats, through an outage within grace, and stopped on revocation",
  async () => {
    await using harness = await RunHarness.open("--heartbeat-minutes", "1", "--grace-days", "1");
    const python = await harness.script("python", 'exec python3 "$@"');
    const args = [
      "-u",
      "-m",
      "http.server",
      "0",
      "--bind",
      "127.0.0.1",
      "--directory",
      harness.folder.path,
    ];
    await using run = harness.start(python, { args, intervalMinutes: 1 });
    const [, port] = await run.stdout.match(/port (\d+)/);
    const get = async () =>
      (await (await fetch(`http://127.0.0.1:${port}/K1.lic`)).text()).includes("ES256");
    assert(await get());

    run.kill("SIGUSR2");
    await run.stderr.match(/(heartbeat: ACTIVE[^]*){2}/);
    assert(await get());

    await harness.stopServer();
    run.kill("SIGUSR2");
    await run.stderr.match(/WARNING: Heartbeat failed \(refused\), grace remaining: 86340 seconds/);
    assert(await get());

    await harness.startServer();
    run.kill("SIGUSR2");
    await run.stderr.match(/INFO: Server reachable again, 86340 seconds of grace remaining/);
    assert(await get());

    await harness.vendor("revoke", "K1", "--database", harness.folder.at("vendor.db"));
    run.kill("SIGUSR2");
    const { code, stderr } = await run.end();
    assertEquals(code, 81);
    assert(stderr.endsWith("sentinel: error: license has been revoked\n"), stderr);
    await assertRejects(get);
    assertEquals(await harness.sockets(), []);
  },
);

Deno.test("the software asks for its license over the socket, which was there before it", async () => {
  await using harness = await RunHarness.open("--feature", "seats=5");
  const software = await harness.script(
    "ask",
    `exec ${Deno.execPath()} run -A ${
      new URL("../fixtures/ask_license.ts", import.meta.url).pathname
    } "$@"`,
  );
  const { code, stdout, stderr } = await harness.run(software, {
    args: ["--license", "-x", "a b", "--"],
  });
  assertEquals(code, 0, stderr);
  const [args, license, features, health, unknown, malformed, mode] = stdout.trimEnd().split("\n");
  assertEquals(args, '["--license","-x","a b","--"]');
  assertEquals(
    license,
    '{"status":"ok","license":{"license_key":"K1","license_type":"STANDARD","expiry_date":"2999-12-31",' +
      '"features":{"seats":5},"org_id":"acme","software_id":"rocket"}}',
  );
  assertEquals(features, '{"status":"ok","features":{"seats":5}}');
  assertEquals(health, '{"status":"ok"}');
  assertEquals(unknown, '{"status":"error","error":"unknown method: xyz"}');
  assertEquals(malformed, '{"status":"error","error":"malformed request"}');
  assertEquals(mode, "600");
  assertEquals(await harness.sockets(), []);
});

Deno.test("options without a command run the software", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", 'echo "$@"');
  const [, ...options] = harness.runArguments(software, { args: ["up"] });
  const env = { XDG_RUNTIME_DIR: harness.folder.path };
  const { code, stdout, stderr } = await runProgram(options, { env });
  assertEquals([code, stdout], [0, "up\n"], stderr);
});

const LICENSE_ERRORS: [string, string, number][] = [
  ["exits with 0", "exit 0", 0],
  ["exits with 7", "exit 7", 7],
  ["is killed by SIGKILL", "kill -KILL $$", 137],
  ["is killed by SIGSEGV", "kill -SEGV $$", 139],
];

for (const [what, script, status] of LICENSE_ERRORS) {
  Deno.test(`software that ${what} ends the run with ${status}`, async () => {
    await using harness = await RunHarness.open();
    const { code, stdout } = await harness.run(await harness.script("software", script));
    assertEquals({ code, stdout }, { code: status, stdout: "" });
  });
}

Deno.test("output passes through byte for byte", async () => {
  await using harness = await RunHarness.open();
  const bytes = crypto.getRandomValues(new Uint8Array(65_536));
  const [given, seen] = [harness.folder.at("given"), harness.folder.at("seen")];
  await Deno.writeFile(given, bytes);
  const { code } = await harness.run(await harness.script("software", 'exec cat "$1"'), {
    args: [given],
    wrapper: ["sh", "-c", `exec "$@" > ${seen}`, "sh"],
  });
  assertEquals(code, 0);
  assertEquals(await Deno.readFile(seen), bytes);
});

Deno.test("remaining processes of the software's group are stopped", async () => {
  await using harness = await RunHarness.open();
  const software = await harness.script("software", "sleep 1000 >/dev/null 2>&1 & echo $!");
  const { code, stdout } = await harness.run(software);
  assertEquals(code, 0);
  assert(!await isRunning(Number(stdout)));
});

Deno.test("a second run in the same state folder is refused", async () => {
  await using harness = await RunHarness.open();
  await using run = harness.start(await harness.script("software", "echo up; exec sleep 1000"));
  await run.stdout.match(/up/);
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 85);
  assertEquals(
    stderr,
    `sentinel: error: another sentinel is running for this license (pid ${run.pid})\n`,
  );
});

Deno.test("grace: none before the first activation, some afterwards, none once it is used up", async () => {
  await using harness = await RunHarness.open("--heartbeat-minutes", "720", "--grace-days", "1");
  await harness.stopServer();
  const first = await harness.run("/bin/true");
  assertEquals(first.code, 82);
  assertStringIncludes(
    first.stderr,
    `server unreachable (refused): ${harness.url} — cannot activate this machine`,
  );

  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
  await harness.stopServer();
  const second = await harness.run("/bin/true");
  assertEquals(second.code, 0);
  assertStringIncludes(
    second.stderr,
    "WARNING: Server unreachable, operating under grace period (86400 seconds remaining)",
  );

  const software = await harness.script("software", "echo up; exec sleep 1000");
  await using run = harness.start(software, { intervalMinutes: 720 });
  await run.stdout.match(/up/);
  run.kill("SIGUSR2");
  // the previous run was without the server, too, and is charged
  const [, used] = await run.stderr.match(/earlier runs without the server used (\d+) seconds of/);
  const halfADay = 720 * 60;
  const left = 86_400 - Number(used) - halfADay;
  await run.stderr.match(new RegExp(`grace remaining: ${left} seconds`));
  run.kill("SIGUSR2");
  const { code, stderr } = await run.end();
  assertEquals(code, 82);
  assertStringIncludes(
    stderr,
    "server unreachable and grace period exhausted (refused) — software stopped",
  );

  const last = await harness.run("/bin/true");
  assertEquals(last.code, 82);
  assert(
    last.stderr.endsWith(
      "sentinel: error: server unreachable and grace period exhausted — cannot start\n",
    ),
    last.stderr,
  );
  await harness.startServer();
  assertEquals((await harness.run("/bin/true")).code, 0);
});

Deno.test("the server's refusal ends a first run with its own words", async () => {
  await using harness = await RunHarness.open("--max-machines", "1");
  assertEquals((await harness.run("/bin/true")).code, 0);
  await Deno.remove(harness.folder.at("state"), { recursive: true });
  const { code, stderr } = await harness.run("/bin/true");
  assertEquals(code, 81);
  assertStringIncludes(
    stderr,
    "activation refused: Maximum machine limit reached for this license. In use: 1 of 1. " +
      "Run `sentinel deactivate` on a machine that no longer needs the license, or ask the vendor.\n",
  );
});

Deno.test("decommissioning stops the software and leaves neither key nor state", async () => {
  await using harness = await RunHarness.open();
  await using run = harness.start(await harness.script("software", "echo up; exec sleep 1000"));
  await run.stdout.match(/up/);
  const database = harness.folder.at("vendor.db");
  const [, machine] = /\b([0-9a-f]{8}-[0-9a-f-]{27})\b/.exec(
    await harness.vendor("list", "--json", "--database", database),
  )!;
  await harness.vendor("decommission", "K1", machine!, "--database", database);
  run.kill("SIGUSR2");
  const { code, stderr } = await run.end();
  assertEquals(code, 81);
  assert(stderr.endsWith("sentinel: error: machine decommissioned\n"), stderr);
  const left = await Array.fromAsync(Deno.readDir(harness.folder.at("state")), ({ name }) => name);
  assertEquals(left.sort(), ["keystore.salt", "lock"]);
});
