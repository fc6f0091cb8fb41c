/** The service that `sentinel service install` writes, under systemd itself. */
import { assertEquals, assertMatch } from "@std/assert";
import { BOOTED_SYSTEMD, BootedSystemd } from "../support/booted_systemd.ts";
import { daemonOfNobody, NO_CAPABILITIES, NOBODY } from "../support/daemon_of_nobody.ts";
import type { DaemonScene } from "../support/daemon_scene.ts";
import { programLine, type ProgramResult } from "../support/program.ts";
import { programForAll } from "../support/program_for_all.ts";
import { testWith } from "../support/requirements.ts";

const UNIT = "sentinel-software.service";
const CONFIG = ["--config", "/opt/rocket/sentinel.toml"];

/** A daemon's scene, seen at `/opt/rocket`, with systemd beside it. */
class ServiceScene implements AsyncDisposable {
  private constructor(readonly daemon: DaemonScene, readonly systemd: BootedSystemd) {}

  /** @param tables More of `sentinel.toml`. */
  static async arrive(tables = ""): Promise<ServiceScene> {
    await using stack = new AsyncDisposableStack();
    const daemon = stack.use(await daemonOfNobody({ tables }));
    const { deno } = await programForAll();
    const systemd = stack.use(
      await BootedSystemd.boot([
        { from: daemon.customer.folder.path, to: "/opt/rocket" },
        { from: deno.slice(0, deno.lastIndexOf("/")), to: "/opt/sentinel" },
      ]),
    );
    stack.move();
    return new ServiceScene(daemon, systemd);
  }

  /** The program, as root. */
  async sentinel(...args: string[]): Promise<ProgramResult> {
    const { deno, entry } = await programForAll();
    const folder = deno.slice(0, deno.lastIndexOf("/"));
    const moved = (path: string) => path.replace(folder, "/opt/sentinel");
    const copy = { deno: moved(deno), ...(entry !== undefined && { entry: moved(entry) }) };
    return await this.systemd.run(...programLine(args, { copy }));
  }

  /** Writes the unit; what is to be typed next. */
  async install(): Promise<string> {
    const { stdout, stderr } = await this.sentinel(
      ...["service", "install", "systemd", ...CONFIG],
      ...["--org-key", "/opt/rocket/org_public_key.pem"],
    );
    assertEquals(stderr, "");
    return /^next: (.*)$/m.exec(stdout)![1]!;
  }

  /** Starts the service as it is installed, with more for its table `[Service]`. */
  async start(service = ""): Promise<void> {
    const next = await this.install();
    const folder = `/etc/systemd/system/${UNIT}.d`;
    const dropIn = `mkdir ${folder} && printf '[Service]\n${service}\n' > ${folder}/more.conf`;
    const { code, stderr } = await this.systemd.run("sh", "-c", `${dropIn} && ${next}`);
    assertEquals(code, 0, stderr);
  }

  /** A field of the main process, as `/proc/PID/status` has it (proc_pid_status(5)). */
  async statusField(name: string): Promise<string> {
    const [pid] = await this.systemd.show(UNIT, "MainPID");
    const { stdout } = await this.systemd.run("cat", `/proc/${pid}/status`);
    return new RegExp(`^${name}:\\s+(.*)$`, "m").exec(stdout)![1]!;
  }

  /** Sends a signal to the main process. */
  async signal(name: "KILL" | "STOP"): Promise<void> {
    const [pid] = await this.systemd.show(UNIT, "MainPID");
    assertEquals((await this.systemd.run("kill", `-${name}`, pid!)).code, 0);
  }

  /** Pids of the service's processes. */
  async pids(): Promise<number[]> {
    const path = `/sys/fs/cgroup/system.slice/${UNIT}/cgroup.procs`;
    const { stdout } = await this.systemd.run("cat", path);
    return stdout.trim().split("\n").map(Number);
  }

  /** Waits until the software has been started so often, and the daemon says that it is ready. */
  async restarted(starts: number): Promise<void> {
    const pids = await this.daemon.softwarePids(starts);
    const { code } = await this.systemd.run("systemctl", "start", UNIT);
    const [main] = await this.systemd.show(UNIT, "MainPID");
    assertEquals([code, await this.pids()], [0, [Number(main), pids.at(-1)!]]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.systemd[Symbol.asyncDispose]();
    await this.daemon[Symbol.asyncDispose]();
  }
}

testWith(
  [BOOTED_SYSTEMD],
  "systemd starts the installed service, has it reload, and stops it with all that it left",
  async () => {
    await using scene = await ServiceScene.arrive();
    const { systemd, daemon } = scene;
    await scene.start();
    assertEquals(await systemd.show(UNIT, "ActiveState", "StatusText", "UnitFileState"), [
      ...["active", "running", "enabled"],
    ]);
    assertMatch(await scene.statusField("Uid"), new RegExp(`^${NOBODY}\t`));
    assertEquals(await scene.statusField("CapBnd"), NO_CAPABILITIES);
    assertEquals(await scene.statusField("NoNewPrivs"), "1");
    assertEquals(await scene.statusField("Seccomp"), "2");
    const status = await scene.sentinel(
      "daemon",
      "status",
      "--config",
      "/opt/rocket/sentinel.toml",
    );
    assertMatch(status.stdout, /^runs \(pid \d+\)/, status.stderr);
    const config = await Deno.readTextFile(daemon.at("sentinel.toml"));
    await Deno.writeTextFile(
      daemon.at("sentinel.toml"),
      config.replace("[logging]", `[logging]\nlevel = "debug"`),
    );
    assertEquals((await systemd.run("systemctl", "reload", UNIT)).code, 0);
    await daemon.logged(/reloaded: logging\.level/);
    assertEquals((await systemd.run("systemctl", "disable", "--now", UNIT)).code, 0);
    assertEquals(await systemd.show(UNIT, "ActiveState", "Result"), ["inactive", "success"]);
    assertEquals((await systemd.run("ls", "/run/sentinel")).stdout, "");
    await scene.sentinel("service", "uninstall", "systemd", ...CONFIG);
    const units = await systemd.run(
      "find",
      "/etc/systemd/system",
      "-type",
      "f",
      "-o",
      "-type",
      "l",
    );
    assertEquals(units.stdout, `/etc/systemd/system/${UNIT}.d/more.conf\n`);
  },
);

testWith(
  [BOOTED_SYSTEMD],
  "under systemd a service has the limits and capabilities of its configuration",
  async () => {
    await using scene = await ServiceScene.arrive(
      `[limits]\nopen_files = 4000\ncore_bytes = 0\n` +
        `[security]\nallowed_capabilities = ["CAP_NET_BIND_SERVICE"]\n`,
    );
    await scene.start();
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assertEquals([set, await scene.statusField(set)], [set, "0000000000000400"]);
    }
    const [pid] = await scene.systemd.show(UNIT, "MainPID");
    const { stdout } = await scene.systemd.run("cat", `/proc/${pid}/limits`);
    assertMatch(stdout, /^Max open files +4000 /m);
  },
);

testWith([BOOTED_SYSTEMD], "systemd starts a service anew that was killed, as one", async () => {
  await using scene = await ServiceScene.arrive();
  await scene.start();
  await scene.signal("KILL");
  await scene.restarted(2);
  assertEquals(await scene.systemd.show(UNIT, "NRestarts"), ["1"]);
});

testWith(
  [BOOTED_SYSTEMD],
  "systemd hears from a service in time, and starts one anew that stands still",
  async () => {
    await using scene = await ServiceScene.arrive();
    await scene.start("WatchdogSec=4\nTimeoutAbortSec=1");
    const heard = () => scene.systemd.show(UNIT, "WatchdogTimestampMonotonic");
    const [first] = await heard();
    while ((await heard())[0] === first) continue;
    await scene.signal("STOP");
    await scene.restarted(2);
    assertEquals(await scene.systemd.show(UNIT, "NRestarts"), ["1"]);
  },
);

testWith([BOOTED_SYSTEMD], "systemd does not try again what cannot succeed", async () => {
  await using scene = await ServiceScene.arrive();
  await Deno.writeTextFile(scene.daemon.at("K1.lic"), "{}");
  await scene.install();
  const { code } = await scene.systemd.run("systemctl", "start", UNIT);
  assertEquals(code, 1);
  assertEquals(
    await scene.systemd.show(UNIT, "ActiveState", "Result", "ExecMainStatus", "NRestarts"),
    ["failed", "exit-code", "80", "0"],
  );
});
