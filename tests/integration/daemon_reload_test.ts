// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { freePort } from "../support/free_port.ts";

Deno.test("a reload applies changeable keys and names the others", async () => {
  await using harness = await DaemonHarness.open();
  await harness.daemon("start");
  await harness.configure({
    softwareKeys: 'args = ["other"]',
    tables: 'level = "debug"\n[health]\nprobe = "ipc"\n[ipc]\nmax_connections = 7\n',
  });
  const { code, stdout } = await harness.daemon("reload");
  assertEquals(code, 0);
  assertEquals(stdout.split("\n"), [
    "applied: ipc.max_connections, health.probe, logging.level",
    "change to software.args requires restart",
    "",
  ]);
  assertEquals(await harness.facts("reload"), {
    applied: [],
    requires_restart: ["software.args"],
  });
  assertStringIncludes(await harness.log(), "WARNING: change to software.args requires restart");
});

Deno.test("a reload of a broken configuration names every mistake and changes nothing", async () => {
  await using harness = await DaemonHarness.open();
  await harness.daemon("start");
  await harness.configure({ tables: 'level = "loud"\n[health]\nprobee = "ipc"\n' });
  const { code, stderr } = await harness.daemon("reload");
  assertEquals(code, 2);
  const path = harness.at("sentinel.toml");
  assertEquals(stderr.split("\n"), [
    `sentinel: error: 2 mistakes in ${path}`,
    `${path}: unknown key health.probee (did you mean health.probe?): current value is "ipc"`,
    `${path}: logging.level must be one of debug, info, warn, error: current value is "loud"`,
    "",
  ]);
  assertStringIncludes(await harness.log(), "reload failed, nothing has changed: 2 mistakes in");
  const status = await harness.facts("status");
  assertEquals([status["state"], status["license_status"]], ["running", "ACTIVE"]);
  assertEquals((await harness.daemon("stop")).code, 0);
});

Deno.test("a reload applies a new license, and keeps the old one if the new one is invalid", async () => {
  await using harness = await DaemonHarness.open();
  await harness.base.issue("K2");
  await harness.daemon("start");
  const path = harness.at("sentinel.toml");
  const toml = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, toml.replace("K1.lic", "K2.lic"));
  assertEquals((await harness.facts("reload"))["applied"], ["license.path"]);
  assertStringIncludes(await harness.log(), "license changed: K2, valid to 2999-12-31");
  await Deno.writeTextFile(path, toml.replace('K1.lic"', 'K3.lic"\nserver_url = "http://h/"'));
  const { code, stderr } = await harness.daemon("reload");
  assertEquals([code, stderr], [
    80,
    `sentinel: error: license file not found: ${harness.at("K3.lic")}\n`,
  ]);
  await Deno.writeTextFile(path, toml.replace("K1.lic", "K2.lic"));
  assertEquals((await harness.facts("reload"))["applied"], []);
});

const REFUSED_LATE: Readonly<Record<string, [now: string, then: string, code: number]>> = {
  "whose log is a folder": ["d.log", "runtime", 2],
  "whose license is missing": ["K1.lic", "K9.lic", 80],
};

for (const [what, [now, then, status]] of Object.entries(REFUSED_LATE)) {
  Deno.test(`a reload ${what} leaves the health endpoint where it is`, async () => {
    const [before, after] = [freePort(), freePort()];
    await using harness = await DaemonHarness.open({
      tables: `[health]\nlisten = "127.0.0.1:${before}"\n`,
    });
    await harness.daemon("start");
    const path = harness.at("sentinel.toml");
    const toml = (await Deno.readTextFile(path)).replace(now, then);
    await Deno.writeTextFile(path, toml.replace(`:${before}`, `:${after}`));
    const { code, stderr } = await harness.daemon("reload");
    assertEquals(code, status);
    assertStringIncludes(stderr, harness.at(then));
    (await Deno.connect({ hostname: "127.0.0.1", port: before })).close();
    await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port: after }));
  });
}

Deno.test("a reload whose health endpoint cannot be served keeps the license", async () => {
  await using harness = await DaemonHarness.open();
  await harness.base.issue("K2");
  await harness.daemon("start");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await harness.configure({ tables: `[health]\nlisten = "127.0.0.1:${taken.addr.port}"\n` });
  const path = harness.at("sentinel.toml");
  const toml = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, toml.replace("K1.lic", "K2.lic"));
  const { code, stderr } = await harness.daemon("reload");
  assertEquals(code, 2);
  assertStringIncludes(stderr, `health.listen cannot be served: 127.0.0.1:${taken.addr.port} (`);
  assertEquals(/license changed/.test(await harness.log()), false);
});

Deno.test("a hundred SIGHUPs in a row cause a few reloads, and the daemon keeps running", async () => {
  await using harness = await DaemonHarness.open();
  await using daemon = harness.start();
  await harness.logged(/starting -> running/);
  for (let i = 0; i < 100; i++) daemon.kill("SIGHUP");
  await harness.logged(/reloaded: nothing has changed/);
  const stats = await harness.facts("stats");
  assert(Number(stats["reloads"]) >= 1 && Number(stats["reloads"]) < 100);
  assertEquals((await harness.daemon("stop")).code, 0);
  assertEquals((await daemon.end()).code, 0);
  await harness.requireNothingLeft();
});

Deno.test("SIGTERM during a reload stops the daemon and leaves nothing behind", async () => {
  await using harness = await DaemonHarness.open();
  await harness.base.issue("K2");
  await using daemon = harness.start();
  await harness.logged(/starting -> running/);
  await harness.base.stopServer();
  using silent = Deno.listen({ hostname: "127.0.0.1", port: harness.base.port });
  await Deno.rename(harness.at("K2.lic"), harness.at("K1.lic"));
  daemon.kill("SIGHUP");
  using _asked = await silent.accept();
  daemon.kill("SIGTERM");
  assertEquals((await daemon.end()).code, 0);
  await harness.requireNothingLeft();
  const states = (await harness.log()).match(/(?<=state: ).*/g);
  assertEquals(states, [
    "stopped -> starting",
    "starting -> running",
    "running -> reloading",
    "reloading -> running",
    "running -> stopping",
    "stopping -> stopped",
  ]);
});

Deno.test("SIGUSR1 writes statistics to the log, SIGUSR2 turns debug logging on and off", async () => {
  await using harness = await DaemonHarness.open();
  await using daemon = harness.start();
  await harness.logged(/starting -> running/);
  daemon.kill("SIGUSR1");
  const [, json] = await harness.logged(/INFO: (\{.*\})\n/);
  assertEquals(JSON.parse(json!)["state"], "running");
  daemon.kill("SIGUSR2");
  await harness.logged(/log level: debug/);
  daemon.kill("SIGUSR2");
  await harness.logged(/log level: info/);
});

Deno.test("SIGPIPE changes nothing", async () => {
  await using harness = await DaemonHarness.open();
  await using daemon = harness.start();
  await harness.logged(/starting -> running/);
  daemon.kill("SIGPIPE");
  assertEquals((await harness.facts("status"))["sentinel_pid"], daemon.pid);
  daemon.kill("SIGTERM");
  assertEquals((await daemon.end()).code, 0);
});

Deno.test("SIGHUP starts a new log if the old one was moved away", async () => {
  await using harness = await DaemonHarness.open();
  await using daemon = harness.start();
  await harness.logged(/starting -> running/);
  await Deno.rename(harness.at("d.log"), harness.at("d.log.old"));
  daemon.kill("SIGHUP");
  await harness.logged(/reloading -> running/);
});

Deno.test("the configuration is checked and printed without a daemon", async () => {
  await using harness = await DaemonHarness.open({
    tables: `[health]\nlisten = "127.0.0.1:${freePort()}"`,
    softwareKeys: 'env = { TOKEN = "secret" }',
  });
  const path = harness.at("sentinel.toml");
  assertEquals((await harness.daemon("start", "--check-config")).stdout, `${path} is valid\n`);
  const { code, stdout } = await harness.daemon("start", "--print-config", "--log-level", "debug");
  assertEquals(code, 0);
  assertStringIncludes(stdout, '[logging]\nlevel = "debug"\nformat = "text"\n');
  assertStringIncludes(stdout, "[shutdown]\ntimeout_ms = 30000\n");
  assertStringIncludes(stdout, 'env = { "TOKEN" = "(hidden)" }\n');
  await Deno.writeTextFile(path, stdout);
  assertEquals((await harness.daemon("start", "--check-config")).code, 0);
  await Deno.writeTextFile(path, "[process\n");
  assertEquals((await harness.daemon("start", "--check-config")).code, 2);
  assertEquals([...Deno.readDirSync(harness.at("runtime"))], []);
});
