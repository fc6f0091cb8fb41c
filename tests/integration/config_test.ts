// Not on Windows: the software is a shell script.
// Compiled as well: it launches, signals and stops other programs from an executable of its own.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ConfiguredRun } from "../support/configured_run.ts";
import { runProgram } from "../support/program.ts";
import { ask, connectPeer } from "../support/socket_peer.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

const GET_LICENSE = '{"method":"get_license"}';
const ASK = new URL("../fixtures/ask_line.ts", import.meta.url).pathname;
const askLine = `${Deno.execPath()} run --quiet -A ${ASK}`;

Deno.test("every mistake in the file is one line below the first, and nothing is launched", async () => {
  await using folder = await temporaryFolder();
  const file = folder.at("sentinel.toml");
  await Deno.writeTextFile(
    file,
    '[ipc]\npeer = "everyone"\npear = 1\n[shutdown]\ntimeout_ms = "30s"\n',
  );
  const run = ["run", "--license", "absent.lic", "--software", "/bin/true", "--org-key", "absent"];
  const { code, stdout, stderr } = await runProgram([...run, "--config", file]);
  assertEquals({ code, stdout }, { code: 2, stdout: "" });
  assertEquals(
    stderr,
    `sentinel: error: 3 mistakes in ${file}
${file}: unknown key ipc.pear (did you mean ipc.peer?): current value is 1
${file}: ipc.peer must be one of user, child: current value is "everyone"
${file}: shutdown.timeout_ms must be a whole number from 1 to 86400000: current value is "30s"
`,
  );
  const absent = await runProgram([...run, "--config", folder.at("absent.toml")]);
  assertEquals(absent.code, 2);
  assertEquals(
    absent.stderr,
    `sentinel: error: configuration file not found: ${folder.at("absent.toml")}\n`,
  );
});

Deno.test("the file alone runs the software: path, arguments, variables, folder, socket", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", 'echo "$PWD $MODE $SENTINEL_IPC_SOCKET $*"');
  await Deno.mkdir(harness.at("work"));
  await harness.configure("software", {
    softwareKeys: 'args = ["a b", "--config"]\nworking_directory = "work"\nenv = { MODE = "fast" }',
    tables: '[ipc]\npath = "short.sock"',
  });
  const { code, stdout, stderr } = await harness.run(["--log-level", "warn"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  assertEquals(
    stdout,
    `${harness.at("work")} fast ${harness.at("short.sock")} a b --config\n`,
  );
  assertEquals((await Deno.stat(harness.at("state"))).isDirectory, true);
});

Deno.test("options override variables, which override the file", async () => {
  await using harness = await ConfiguredRun.open();
  for (const name of ["file", "variable", "option"]) {
    await harness.base.script(name, `echo ${name} "$@"`);
  }
  await harness.configure("file", { softwareKeys: 'args = ["from-file"]' });
  const variable = { SENTINEL_SOFTWARE: harness.at("variable") };
  assertEquals((await harness.run()).stdout, "file from-file\n");
  assertEquals((await harness.run([], variable)).stdout, "variable from-file\n");
  const option = ["--software", harness.at("option"), "--", "from-option"];
  assertEquals((await harness.run(option, variable)).stdout, "option from-option\n");
});

Deno.test("the file's server, log level and format apply unless overridden", async () => {
  await using harness = await ConfiguredRun.open("--max-machines", "2");
  await harness.configure("/bin/true", {
    tables: '[logging]\nlevel = "debug"\nformat = "json"\n[limits]\n',
  });
  const json = await harness.run();
  const levels = json.stderr.trim().split("\n").map((line) => JSON.parse(line)["level"]);
  assert(levels.includes("DEBUG"), json.stderr);
  const text = await harness.run([], { SENTINEL_LOG_LEVEL: "info", SENTINEL_LOG_FORMAT: "text" });
  assertMatch(text.stderr, /^\S+ WARNING: \[limits\] has no effect on sentinel run\n$/);
  await harness.configure("/bin/true");
  const path = harness.at("sentinel.toml");
  const toml = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    toml.replace("[license]", '[license]\nserver_url = "http://127.0.0.1:9"'),
  );
  await Deno.remove(harness.at("state"), { recursive: true });
  assertEquals((await harness.run()).code, 82);
  assertEquals((await harness.run(["--server-url", harness.base.url])).code, 0);
});

Deno.test("tables without an effect here are each reported once", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.configure("/bin/true", {
    tables: '[server]\nport = 1\naddress = "::1"\n[limits]\n[logging]\nfile = "x.log"\n',
  });
  const { code, stderr } = await harness.run();
  assertEquals(code, 0);
  const said = Array.from(stderr.matchAll(/WARNING: (.*) has no effect on sentinel run/g));
  assertEquals(said.map(([, name]) => name), ["[limits]", "[server]", "logging.file"]);
});

Deno.test('location = "runtime" without XDG_RUNTIME_DIR is refused before the machine is activated', async () => {
  await using harness = await ConfiguredRun.open();
  await harness.configure("/bin/true", { tables: '[ipc]\nlocation = "runtime"' });
  const { code, stderr } = await harness.run([], { XDG_RUNTIME_DIR: "" });
  assertEquals({ code, stderr }, { code: 2, stderr: "sentinel: error: XDG_RUNTIME_DIR not set\n" });
});

Deno.test("a path too long for a socket is refused before the machine is activated", async () => {
  await using harness = await ConfiguredRun.open();
  const path = `/${"x".repeat(107)}`;
  await harness.configure("/bin/true", { tables: `[ipc]\npath = "${path}"` });
  const { code, stderr } = await harness.run();
  assertEquals(code, 2);
  assertEquals(
    stderr,
    `sentinel: error: Cannot use the socket path ${path}: it has 108 bytes, the system's limit is 107\n`,
  );
});

Deno.test("SENTINEL_CONFIG alone is enough to run", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.configure("/bin/true", { tables: "[shutdown]" });
  const { code, stderr } = await runProgram([], {
    env: {
      XDG_STATE_HOME: harness.at("witness"),
      SENTINEL_CONFIG: harness.at("sentinel.toml"),
      SENTINEL_ORG_KEY: harness.at("org_public_key.pem"),
    },
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "[shutdown] has no effect on sentinel run");
});

Deno.test('location = "tmp" puts the socket into /tmp', async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", 'echo "$SENTINEL_IPC_SOCKET"');
  await harness.configure("software", { tables: '[ipc]\nlocation = "tmp"' });
  assertMatch((await harness.run()).stdout, /^\/tmp\/sentinel-[0-9a-f-]{36}\.sock\n$/);
});

Deno.test('peer = "child" admits software and grandchild, and no stranger of the same user', async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script(
    "software",
    `${askLine} '${GET_LICENSE}'\nsh -c "${askLine} '{\\"method\\":\\"get_features\\"}'; true"\n` +
      `echo $SENTINEL_IPC_SOCKET; exec sleep 1000`,
  );
  await harness.configure("software", { tables: '[ipc]\npeer = "child"' });
  await using run = harness.start();
  const [, path] = await run.stdout.match(/^(\/.*)\n/m);
  const [license, features] = run.stdout.text.split("\n");
  assertStringIncludes(license!, '{"status":"ok","license":{"license_key":"K1"');
  assertEquals(features, '{"status":"ok","features":{}}');
  assertEquals(
    await ask(path!, GET_LICENSE),
    '{"status":"error","error":"permission denied: get_license"}',
  );
  assertEquals(await ask(path!, '{"method":"health"}'), '{"status":"ok"}');
  const { code, stderr } = await runProgram(["ipc", "get_license", "--socket", path!]);
  assertEquals([code, stderr], [86, "sentinel: error: permission denied: get_license\n"]);
});

Deno.test("the file's limit of connections applies to the socket", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", "echo $SENTINEL_IPC_SOCKET; exec sleep 1000");
  await harness.configure("software", { tables: "[ipc]\nmax_connections = 1" });
  await using run = harness.start();
  const [path] = await run.stdout.match(/^\S+(?=\n)/);
  using peer = await connectPeer(path);
  await peer.send('{"method":"health"}\n');
  assertEquals(await peer.line(), '{"status":"ok"}');
  using refused = await connectPeer(path);
  assertEquals(await refused.line(), undefined);
  await peer.send('{"method":"stats"}\n');
  assertEquals(JSON.parse((await peer.line())!)["connections_refused"], 1);
});

Deno.test("the file's read timeout applies to the socket", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", "echo $SENTINEL_IPC_SOCKET; exec sleep 1000");
  await harness.configure("software", { tables: "[ipc]\nread_timeout_ms = 200" });
  await using run = harness.start();
  const [path] = await run.stdout.match(/^\S+(?=\n)/);
  const startMs = performance.now();
  using silent = await connectPeer(path);
  assertEquals(await silent.line(), undefined);
  // without the file's, the timeout is a minute
  assert(performance.now() - startMs < 30_000);
});

Deno.test("over the socket of a run, debug is refused, and stats has the connections", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script("software", "echo $SENTINEL_IPC_SOCKET; exec sleep 1000");
  await harness.configure("software");
  await using run = harness.start();
  const [path] = await run.stdout.match(/^\S+(?=\n)/);
  const refused = await runProgram(["ipc", "debug", "--socket", path]);
  const line = "sentinel: error: not supported by sentinel run\n";
  assertEquals([refused.code, refused.stderr], [2, line]);
  const stats = JSON.parse((await ask(path, '{"method":"stats"}'))!);
  assertEquals(
    [stats["status"], stats["connections_accepted"], stats["connections_refused"]],
    ["ok", 2, 0],
  );
  assert(stats["uptime_seconds"] >= 0);
});

Deno.test("stop over the socket is answered and ends the run like SIGTERM", async () => {
  await using harness = await ConfiguredRun.open();
  await harness.base.script(
    "software",
    'trap "echo bye; exit 3" TERM; echo $SENTINEL_IPC_SOCKET; while :; do sleep 0.01; done',
  );
  await harness.configure("software");
  await using run = harness.start();
  const [path] = await run.stdout.match(/^\S+(?=\n)/);
  assertEquals(await ask(path, '{"method":"stop","id":7}'), '{"status":"ok","id":7}');
  const { code, stdout, stderr } = await run.end();
  assertEquals(code, 0);
  assertStringIncludes(stdout, "bye");
  assertStringIncludes(stderr, "INFO: Received stop over the socket, shutting down...");
  assertEquals(await harness.base.sockets(), []);
});
