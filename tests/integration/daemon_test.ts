// Not on Windows: the software is a shell script.
// Compiled as well: it starts itself in the background, by the path and with the permissions it was compiled with.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DaemonHarness } from "../support/daemon_harness.ts";
import { isRunning } from "../support/process_state.ts";
import { programLine, resultOf, runProgram, startProgram } from "../support/program.ts";
import { READABLE } from "../support/readable_program.ts";
import { needsProgram, POSIX, testWith } from "../support/requirements.ts";
import { runTool } from "../support/run_tool.ts";
import { temporaryFolder } from "../support/temporary_folder.ts";

Deno.test("a daemon starts, reports its status, and stops without leftovers", async () => {
  await using harness = await DaemonHarness.open();
  const started = await harness.daemon("start");
  assertEquals([started.code, started.stderr], [0, ""]);
  const [, pid] = /^daemon started \(pid (\d+)\)\n$/.exec(started.stdout)!;
  const pidFile = harness.at("runtime/sentinel/software.pid");
  assertEquals(await Deno.readTextFile(pidFile), `${pid}\n`);
  const [softwarePid] = await harness.softwarePids(1);
  const status = await harness.facts("status");
  assertEquals(
    [status["state"], status["sentinel_pid"], status["pid"], status["license_status"]],
    ["running", Number(pid), softwarePid, "ACTIVE"],
  );
  const { stdout: text } = await harness.daemon("status");
  assertMatch(text, /^running \(pid \d+\) since 20\S+Z\nsoftware: pid \d+, up \d+ s, restarted 0 /);
  const stats = await harness.facts("stats");
  assertEquals([stats["state"], stats["restarts"], stats["reloads"]], ["running", 0, 0]);
  assert(Number(stats["resident_bytes"]) > 1e6);
  const stopped = await harness.daemon("stop");
  assertEquals([stopped.code, stopped.stdout], [0, `daemon stopped (pid ${pid})\n`]);
  assertEquals(await isRunning(Number(pid)), false);
  await harness.requireNothingLeft();
  const log = (await harness.log()).replaceAll(/^\S+ /gm, "");
  assertEquals(log.match(/state: .*/g), [
    "state: stopped -> starting",
    "state: starting -> running",
    "state: running -> stopping",
    "state: stopping -> stopped",
  ]);
});

for (
  const [what, daemonize] of [["daemonize = false", false], ["daemonize = true", true]] as const
) {
  Deno.test(`with ${what} a daemon ${daemonize ? "goes to the background" : "stays"}`, async () => {
    await using harness = await DaemonHarness.open({ tables: `[process]\n${what}` });
    await using started = startProgram(harness.arguments(["start"]), harness.programOptions);
    await harness.logged(/starting -> running/);
    const { sentinel_pid: pid } = await harness.facts("status");
    assertEquals(pid === started.pid, !daemonize);
    if (daemonize) assertEquals((await started.end()).code, 0);
  });
}

Deno.test("a background start prints each message once", async () => {
  await using harness = await DaemonHarness.open();
  const { env } = harness.programOptions;
  const { code, stderr } = await runProgram(harness.arguments(["start"]), {
    env: { ...env, SENTINEL_LISENCE: "x" },
  });
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /^\S+ WARNING: unknown variable: SENTINEL_LISENCE \(did you mean SENTINEL_LICENSE\?\)\n$/,
  );
});

Deno.test("if no daemon runs, status says so, and the other commands fail with 87", async () => {
  await using harness = await DaemonHarness.open();
  const { code, stdout } = await harness.daemon("status");
  assertEquals([code, stdout], [87, "stopped\n"]);
  assertEquals((await harness.daemon("status", "--json")).stdout, '{"state":"stopped"}\n');
  for (const command of ["stop", "reload", "stats"]) {
    const { code, stderr } = await harness.daemon(command);
    assertEquals([code, stderr], [87, "sentinel: error: sentinel daemon not running\n"]);
  }
});

Deno.test("a locked PID file without a daemon is an error of every command", async () => {
  await using harness = await DaemonHarness.open();
  const path = harness.at("held.pid");
  using file = await Deno.open(path, { write: true, createNew: true });
  await file.lock(true);
  for (const command of ["status", "stop", "reload", "stats"]) {
    assertEquals(await harness.daemon(command, "--pid-file", path), {
      code: 87,
      stdout: "",
      stderr: `sentinel: error: ${path} is locked, but contains no pid\n`,
    });
  }
});

Deno.test("a second daemon is refused with 85 and leaves the first as it is", async () => {
  await using harness = await DaemonHarness.open();
  await harness.daemon("start");
  const { sentinel_pid: pid, uptime_seconds: _, ...before } = await harness.facts("status");
  const { code, stderr } = await harness.daemon("start");
  assertEquals(code, 85);
  assert(stderr.endsWith(`another sentinel is running (pid ${pid})\n`), stderr);
  const { state, pid: software } = await harness.facts("status");
  assertEquals([state, software], [before["state"], before["pid"]]);
});

Deno.test("of six daemons that start concurrently exactly one runs", async () => {
  await using harness = await DaemonHarness.open();
  const results = await Promise.all(Array.from({ length: 6 }, () => harness.daemon("start")));
  assertEquals(results.map(({ code }) => code).sort(), [0, 85, 85, 85, 85, 85]);
  assertEquals((await harness.softwarePids(1)).length, 1);
});

Deno.test("without the socket, reload and stop use signals", async () => {
  await using harness = await DaemonHarness.open({ tables: '[ipc]\npath = "s.sock"' });
  await Deno.chmod(harness.base.folder.path, 0o700);
  await harness.daemon("start");
  await Deno.remove(harness.at("s.sock"));
  const { code, stdout } = await harness.daemon("reload");
  assertEquals([code, stdout], [0, "reload requested; see the daemon's log\n"]);
  await harness.logged(/reloading -> running/);
  assertEquals((await harness.daemon("status")).code, 0);
  assertEquals((await harness.daemon("stop")).code, 0);
  assertStringIncludes(await harness.log(), "Received signal SIGTERM, shutting down...");
});

testWith(
  [POSIX],
  "if several daemons run and none is selected, the error names them",
  async () => {
    await using folder = await temporaryFolder();
    await Deno.mkdir(folder.at("sentinel"), { mode: 0o700 });
    using held = new DisposableStack();
    const paths = ["a", "b"].map((name) => folder.at(`sentinel/${name}.pid`));
    for (const path of paths) {
      const file = held.use(await Deno.open(path, { write: true, create: true }));
      await file.lock(true);
    }
    const { code, stderr } = await runProgram(["daemon", "stop"], {
      env: { XDG_RUNTIME_DIR: folder.path },
    });
    assertEquals(code, 2);
    assertStringIncludes(stderr, "several daemons run: give --config, or --pid-file with one of ");
    assertStringIncludes(stderr, paths.join(", "));
  },
);

Deno.test("restart stops a running daemon and starts it with the current configuration", async () => {
  await using harness = await DaemonHarness.open({
    script: `echo $$ "$1" >> "$0.starts"; exec sleep 1000 >/dev/null 2>&1`,
  });
  const first = await harness.daemon("restart", "--json");
  const [before] = await harness.softwarePids(1);
  await harness.configure({ softwareKeys: 'args = ["of now"]' });
  const second = await harness.daemon("restart", "--json");
  assert(JSON.parse(first.stdout).pid !== JSON.parse(second.stdout).pid);
  const [, after] = await harness.softwarePids(2);
  assertEquals([await isRunning(before!), await isRunning(after!)], [false, true]);
  assertMatch(await Deno.readTextFile(harness.at("software.starts")), /^\d+ \n\d+ of now\n$/);
});

testWith(
  [needsProgram("ps")],
  "descendants of a restart do not stop a later daemon",
  async () => {
    await using harness = await DaemonHarness.open();
    const { pid } = await harness.facts("restart");
    const command = await runTool("ps", "-ww", "-o", "args=", "-p", String(pid));
    assertStringIncludes(command, " daemon start --detached --config ");
  },
);

Deno.test("limits, umask and working folder apply to the software", async () => {
  await using harness = await DaemonHarness.open({
    script:
      // those that are the software's alone are set right after its launch
      `until [ "$(ulimit -v)" = 1048576 ]; do :; done; { ulimit -n; ulimit -v; umask; pwd; } > "$0.tmp"; mv "$0.tmp" "$0.seen"; exec sleep 1000`,
    tables:
      "[limits]\nopen_files = 222\naddress_space_bytes = 1073741824\n[security]\numask = 31\n" +
      '[process]\nworking_directory = "."',
  });
  await harness.daemon("start");
  const [seen] = await harness.written("software.seen", /^[^]+$/);
  assertEquals(seen.trim().split("\n"), [
    ...["222", "1048576", "0037", harness.base.folder.path],
  ]);
});

Deno.test("a relative --license is relative to the caller's folder, whatever the daemon's", async () => {
  await using harness = await DaemonHarness.open({
    tables: '[process]\nworking_directory = "elsewhere"',
  });
  Deno.mkdirSync(harness.at("elsewhere"));
  const started = await runProgram(harness.arguments(["start", "--license", "K1.lic"]), {
    ...harness.programOptions,
    cwd: harness.base.folder.path,
  });
  assertEquals([started.stderr, started.code], ["", 0]);
});

const TERMINAL = `
import os, pty, subprocess, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
text = b""
try:
    while True:
        piece = os.read(fd, 4096)
        if not piece: break
        text += piece
except OSError:
    pass
_, status = os.waitpid(pid, 0)
daemon = text.split(b"pid ")[1].split(b")")[0].decode()
print("status", os.waitstatus_to_exitcode(status))
print("tty", subprocess.check_output(["ps", "-o", "tty=", "-p", daemon]).decode().strip())
def link(fd):
    try:
        return os.readlink("/proc/%s/fd/%s" % (daemon, fd))
    except FileNotFoundError:
        # it opens and closes files meanwhile
        return ""
# it drops its streams right after it has reported that it is ready
until = time.monotonic() + 30
while link(2).startswith("pipe:") and time.monotonic() < until: time.sleep(0.01)
print("terminals", sum(link(fd).startswith("/dev/pts") for fd in os.listdir("/proc/%s/fd" % daemon)))
print("streams", *[link(fd) for fd in range(3)])
`;

testWith(
  [needsProgram("python3"), needsProgram("ps")],
  "a daemon does not keep the terminal that it was started on",
  async () => {
    await using harness = await DaemonHarness.open();
    const { stdout, stderr } = await resultOf("python3", {
      args: [
        ...["-c", TERMINAL],
        ...programLine(harness.arguments(["start"]), READABLE),
      ],
      env: { NO_COLOR: "1", ...harness.programOptions.env! },
    });
    assertEquals(
      stdout.trim().split("\n"),
      ["status 0", "tty ?", "terminals 0", "streams /dev/null /dev/null /dev/null"],
      stderr,
    );
  },
);
