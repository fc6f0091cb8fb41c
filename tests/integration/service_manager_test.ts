// Not on Windows: the software is a shell script.
/** The daemon under a service manager that listens as systemd does, and its health endpoint. */
import { assert, assertEquals } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { freePort } from "../support/free_port.ts";
import { LineReader } from "../support/program.ts";
import { needsProgram, testWith } from "../support/requirements.ts";

const NEEDS_PYTHON = needsProgram("python3");

/** Prints each datagram as one line of JSON. */
const MANAGER = `
import json, socket, sys
manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
name = sys.argv[1]
manager.bind("\\0" + name[1:] if name[0] == "@" else name)
print("ready", flush=True)
while True:
    print(json.dumps(manager.recv(4096).decode().split("\\n")), flush=True)
`;

class Manager implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly told: LineReader;

  private constructor(child: Deno.ChildProcess) {
    this.#child = child;
    this.told = new LineReader(child.stdout);
  }

  static async listen(address: string): Promise<Manager> {
    const manager = new Manager(
      new Deno.Command("python3", { args: ["-c", MANAGER, address], stdout: "piped" }).spawn(),
    );
    await manager.told.match(/ready/);
    return manager;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.told.ended;
  }
}

for (const kind of ["a path", "an abstract name"]) {
  testWith([NEEDS_PYTHON], `the service manager at ${kind} hears of every state`, async () => {
    await using harness = await DaemonHarness.open();
    const address = kind === "a path" ? harness.at("notify") : `@sentinel-${crypto.randomUUID()}`;
    await using manager = await Manager.listen(address);
    await using daemon = harness.start({
      env: { ...harness.programOptions.env, NOTIFY_SOCKET: address },
    });
    await manager.told.match(/\["READY=1", "STATUS=running"\]/);
    daemon.kill("SIGHUP");
    await manager.told.match(/\["RELOADING=1", "STATUS=reloading", "MONOTONIC_USEC=\d{6,}"\]/);
    await manager.told.match(/reloading[^]*\["READY=1", "STATUS=running"\]/);
    daemon.kill("SIGTERM");
    await manager.told.match(/\["STOPPING=1", "STATUS=stopping"\]/);
    await manager.told.match(/\["STATUS=stopped"\]/);
    assert(!manager.told.text.includes("WATCHDOG"));
    assertEquals((await daemon.end()).code, 0);
  });
}

testWith([NEEDS_PYTHON], "the watchdog is reassured, until the software is not well", async () => {
  await using harness = await DaemonHarness.open({
    tables: `[health]\ncheck_interval_ms = 50\nrestart_on_failure = false\nprobe = "exec:cat ok"`,
  });
  await Deno.writeTextFile(harness.at("ok"), "");
  const address = harness.at("notify");
  await using manager = await Manager.listen(address);
  await using daemon = harness.start({
    cwd: harness.base.folder.path,
    env: { ...harness.programOptions.env, NOTIFY_SOCKET: address, WATCHDOG_USEC: "40000" },
  });
  await manager.told.match(/(?:WATCHDOG=1[^]*){3}/);
  await Deno.remove(harness.at("ok"));
  await harness.logged(/health check failed \(4 in a row\)/);
  // datagrams keep their order: what follows a reload that began now was said of unhealthy software
  daemon.kill("SIGHUP");
  await manager.told.match(/"STATUS=reloading"[^]*"STATUS=running"/);
  await harness.logged(/health check failed \(8 in a row\)/);
  daemon.kill("SIGTERM");
  const [said] = await manager.told.match(/"STATUS=reloading"[^]*"STOPPING=1"/);
  assert(!said.includes("WATCHDOG"), said);
});

testWith([NEEDS_PYTHON], "a watchdog that is another process's is none of ours", async () => {
  await using harness = await DaemonHarness.open({
    script: `env > "$0.env"; exec sleep 1000 >/dev/null 2>&1`,
  });
  const address = harness.at("notify");
  await using manager = await Manager.listen(address);
  await using daemon = harness.start({
    env: {
      ...harness.programOptions.env,
      NOTIFY_SOCKET: address,
      WATCHDOG_USEC: "1000",
      WATCHDOG_PID: "1",
    },
  });
  const [env] = await harness.written("software.env", /^[^]*SENTINEL_IPC_SOCKET=[^]*\n$/);
  daemon.kill("SIGTERM");
  await manager.told.match(/"STATUS=stopped"/);
  assert(!manager.told.text.includes("WATCHDOG"));
  assert(!/NOTIFY_SOCKET|WATCHDOG/.test(env), env);
});

Deno.test("GET /health returns 200 if the daemon is healthy and 503 if not", async () => {
  const url = `http://127.0.0.1:${freePort()}`;
  await using harness = await DaemonHarness.open({
    tables: `[health]\ncheck_interval_ms = 20\nrestart_on_failure = false\n` +
      `listen = "${url.slice(7)}"\nhealth_check_script = "check"`,
  });
  await harness.base.script("check", `exec cat "$(dirname "$0")/ok"`);
  await Deno.writeTextFile(harness.at("ok"), "");
  await harness.daemon("start");
  const read = async () => {
    const answer = await fetch(`${url}/health`);
    return [answer.status, await answer.json()] as const;
  };
  const [status, report] = await read();
  assertEquals([status, report.state], [200, "running"]);
  await Deno.remove(harness.at("ok"));
  await harness.logged(/health check failed \(3 in a row\): script: exited: 1/);
  const [bad, { consecutive_failures, last_error, ...facts }] = await read();
  assertEquals([bad, facts.status, last_error], [503, "unhealthy", "script: exited: 1"]);
  assert(consecutive_failures >= 3 && facts.uptime_seconds >= 0 && facts.last_check > "2");
  assertEquals((await harness.daemon("stop")).code, 0);
});

Deno.test("a reload moves the health endpoint, and keeps the old one if the new address is in use", async () => {
  const [first, second] = [freePort(), freePort()];
  await using harness = await DaemonHarness.open({
    tables: `[health]\nlisten = "127.0.0.1:${first}"`,
  });
  const isThere = async (port: number) => {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/health`);
      await answer.body?.cancel();
      return answer.ok;
    } catch {
      return false;
    }
  };
  await harness.daemon("start");
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await harness.configure({ tables: `[health]\nlisten = "127.0.0.1:${taken.addr.port}"` });
  const { code, stderr } = await harness.daemon("reload");
  assertEquals(code, 2);
  assert(stderr.startsWith("sentinel: error: health.listen cannot be served: 127.0.0.1:"), stderr);
  assertEquals(await isThere(first), true);
  await harness.configure({ tables: `[health]\nlisten = "127.0.0.1:${second}"` });
  assertEquals((await harness.facts("reload"))["applied"], ["health.listen"]);
  assertEquals([await isThere(first), await isThere(second)], [false, true]);
});
