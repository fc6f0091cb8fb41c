import { assertEquals } from "@std/assert";
import { BootedSystemd } from "./booted_systemd.ts";
import { openUnprivilegedDaemon } from "./daemon_of_nobody.ts";
import type { DaemonHarness } from "./daemon_harness.ts";
import { programLine, type ProgramResult } from "./program.ts";
import { programForAll } from "./program_for_all.ts";

/** The service of {@linkcode ServiceHarness}. */
export const UNIT = "sentinel-software.service";

/** Its configuration file. */
export const CONFIG = ["--config", "/opt/rocket/sentinel.toml"];

/** A {@linkcode DaemonHarness} mounted at `/opt/rocket` of a container with systemd. */
export class ServiceHarness implements AsyncDisposable {
  private constructor(readonly daemon: DaemonHarness, readonly systemd: BootedSystemd) {}

  /** @param tables More of `sentinel.toml`. */
  static async open(tables = ""): Promise<ServiceHarness> {
    await using stack = new AsyncDisposableStack();
    const daemon = stack.use(await openUnprivilegedDaemon({ tables }));
    const { deno } = await programForAll();
    const systemd = stack.use(
      await BootedSystemd.boot([
        { from: daemon.base.folder.path, to: "/opt/rocket" },
        { from: deno.slice(0, deno.lastIndexOf("/")), to: "/opt/sentinel" },
      ]),
    );
    stack.move();
    return new ServiceHarness(daemon, systemd);
  }

  /** Runs the program as root. */
  async sentinel(...args: string[]): Promise<ProgramResult> {
    const { deno, entry } = await programForAll();
    const folder = deno.slice(0, deno.lastIndexOf("/"));
    const moved = (path: string) => path.replace(folder, "/opt/sentinel");
    const copy = { deno: moved(deno), ...(entry !== undefined && { entry: moved(entry) }) };
    return await this.systemd.run(...programLine(args, { copy }));
  }

  /** Changes the configuration file. */
  async configure(change: (text: string) => string): Promise<void> {
    const path = this.daemon.at("sentinel.toml");
    await Deno.writeTextFile(path, change(await Deno.readTextFile(path)));
  }

  /** Installs the unit; returns the command that the output suggests. */
  async install(): Promise<string> {
    const { stdout, stderr } = await this.sentinel(
      ...["service", "install", "systemd", ...CONFIG],
      ...["--org-key", "/opt/rocket/org_public_key.pem"],
    );
    assertEquals(stderr, "");
    return /^next: (.*)$/m.exec(stdout)![1]!;
  }

  /** Installs and starts the service, with more lines for its table `[Service]`. */
  async start(service = ""): Promise<void> {
    const next = await this.install();
    await this.addToService(service);
    const { code, stderr } = await this.systemd.run("sh", "-c", next);
    assertEquals(code, 0, stderr);
  }

  /** Adds to the unit's table `[Service]`, for the next start. */
  async addToService(lines: string): Promise<void> {
    const folder = `/etc/systemd/system/${UNIT}.d`;
    const write = `mkdir ${folder} && printf '[Service]\n${lines}\n' > ${folder}/more.conf`;
    const { code } = await this.systemd.run("sh", "-c", `${write} && systemctl daemon-reload`);
    assertEquals(code, 0);
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

  /** Waits until the child has started this often and the daemon is ready. */
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
