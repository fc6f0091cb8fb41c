import { fromFileUrl } from "@std/path";
import { openClient } from "../../src/app/remote_client.ts";
import { writeAuthority, writeCertificate } from "../../src/app/pki.ts";
import { requestIpc } from "../../src/ipc/client.ts";
import { RunHarness } from "./run_harness.ts";
import { freePort } from "./free_port.ts";
import { heldAt, type HeldResources } from "./held_resources.ts";
import { openLibraries } from "./open_libraries.ts";
import { type RunningProgram, startProgram } from "./program.ts";
import { RecordingLog } from "./recording_log.ts";

openLibraries();

/** Module that runs before a program and drives its clock. */
export const TOLD_TIME = fromFileUrl(new URL("../fixtures/told_time.ts", import.meta.url));

const SOFTWARE = "exec sleep 100000";

/** A program that runs until it is stopped. */
export type LastingProgram = "run" | "daemon" | "server" | "vendor serve";

/** The clock that the test drives is not the kernel's, which is a finding. */
const OWN_CLOCK = '[security]\nanti_tamper = "report"\n';

/** A bundle's long-running programs with `TOLD_TIME`, on one clock that the test drives. */
export class DrivenTimeHarness implements AsyncDisposable {
  readonly #opened = new AsyncDisposableStack();
  readonly #programs = new Map<LastingProgram, RunningProgram>();
  #remotePort = 0;

  private constructor(readonly base: RunHarness, readonly entry: string) {}

  /** Starts these programs, and waits until they are ready; `run` and `daemon` need `vendor serve`. */
  static async open(entry: string, names: readonly LastingProgram[]): Promise<DrivenTimeHarness> {
    await using stack = new AsyncDisposableStack();
    const base = await RunHarness.open("--heartbeat-minutes", "1");
    const harness = stack.use(new DrivenTimeHarness(base, entry));
    await base.issue("K2", "--heartbeat-minutes", "1");
    await base.stopServer();
    await harness.#tell(0);
    const starts: Record<LastingProgram, () => Promise<void>> = {
      "vendor serve": () => harness.#startVendor(),
      run: () => harness.#startRun(),
      daemon: () => harness.#startDaemon(),
      server: () => harness.#startServer(),
    };
    for (const name of names) await starts[name]();
    stack.move();
    return harness;
  }

  /**
   * Advances time to this second after this many rounds of requests.
   *
   * @returns The resources that each program holds, while its clock stands still.
   */
  async pass(toldSeconds: number, asked: number): Promise<Map<LastingProgram, HeldResources>> {
    await this.#tell(toldSeconds);
    for (let time = 0; time < asked; time++) await this.#ask();
    const held = new Map<LastingProgram, HeldResources>();
    for (const [name, program] of this.#programs) {
      held.set(name, await heldAt(program, toldSeconds));
    }
    return held;
  }

  /** Heartbeats that `run` and the daemon have sent. */
  get heartbeats(): number {
    const texts = Array.from(this.#programs.values(), ({ stderr }) => stderr.text);
    return texts.join("").match(/^.*heartbeat: /gm)?.length ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
    await this.base[Symbol.asyncDispose]();
  }

  async #startVendor(): Promise<void> {
    await this.#start("vendor serve", [
      ...["vendor", "serve", "--key", this.#at("org_private_key.pem")],
      ...["--database", this.#at("vendor.db"), "--port", String(this.base.port)],
    ]).stdout.match(/listening on /);
  }

  async #startRun(): Promise<void> {
    const software = await this.base.script("run", SOFTWARE);
    await Deno.writeTextFile(this.#at("run.toml"), OWN_CLOCK);
    const [command, ...args] = this.base.runArguments(software);
    await this.#start("run", [command!, "--config", this.#at("run.toml"), ...args]).stderr.match(
      /software launched/,
    );
  }

  async #startDaemon(): Promise<void> {
    await this.base.script("daemon", SOFTWARE);
    await this.base.script("check", "exit 0");
    await Deno.writeTextFile(
      this.#at("sentinel.toml"),
      `[license]\npath = "K2.lic"\nstate_dir = "daemon-state"\n[software]\npath = "daemon"\n` +
        `[process]\npid_file = "daemon.pid"\n[logging]\nlevel = "debug"\n` +
        `[health]\nlisten = "127.0.0.1:${freePort()}"\nhealth_check_script = "check"\n` +
        `check_interval_ms = 60000\n${OWN_CLOCK}`,
    );
    await this.#start("daemon", [
      ...["daemon", "start", "--foreground", "--config", this.#at("sentinel.toml")],
      ...["--org-key", this.#at("org_public_key.pem")],
    ]).stderr.match(/starting -> running/);
  }

  async #startServer(): Promise<void> {
    const folder = this.#at("certificates"), authorityFolder = folder;
    await writeAuthority({ folder, name: "CA", days: 30 });
    const holders = [
      { kind: "server", name: "server", others: ["127.0.0.1"] },
      { kind: "client", name: "ops", role: "control" },
    ] as const;
    for (const holder of holders) {
      const request = { authorityFolder, folder, holder, days: undefined, requestPath: undefined };
      await writeCertificate(request, new RecordingLog());
    }
    const [, port] = await this.#start("server", [
      ...["server", "-c", `${folder}/server.pem`, "-k", `${folder}/server.key`],
      ...["-C", `${folder}/ca.pem`, "-a", "127.0.0.1", "-p", "0", "--data-dir", this.#at("data")],
    ]).stdout.match(/listening on https:\/\/127\.0\.0\.1:(\d+)\n/);
    this.#remotePort = Number(port);
  }

  /** Requests the license over the sockets and runs a process on the server. */
  async #ask(): Promise<void> {
    for (const name of ["run", "daemon"] as const) {
      if (!this.#programs.has(name)) continue;
      await requestIpc({ path: this.#socketOf(name), method: "get_license" });
    }
    if (!this.#programs.has("server")) return;
    const certificates = this.#at("certificates");
    const client = await openClient({
      ...{ address: "127.0.0.1", port: this.#remotePort },
      ...{ certificatePath: `${certificates}/client.pem`, keyPath: `${certificates}/client.key` },
      trust: {
        kind: "authority",
        certificateAuthorityPath: `${certificates}/ca.pem`,
        serverName: undefined,
      },
    }, new RecordingLog());
    const id = await client.start("/bin/sh", ["-c", "echo up; exec sleep 1000"]);
    await client.status(id);
    await client.stop(id);
    for await (const _ of client.stream(id)) continue;
  }

  #socketOf(name: LastingProgram): string {
    const folder = `${this.#runtimeOf(name)}/sentinel`;
    const socket = Array.from(Deno.readDirSync(folder), ({ name }) => name)
      .find((name) => name.endsWith(".sock"));
    return `${folder}/${socket}`;
  }

  /** A short folder name, because socket paths are limited. */
  #runtimeOf(name: LastingProgram): string {
    return this.#at(name[0]!);
  }

  #start(name: LastingProgram, args: readonly string[]): RunningProgram {
    const { env } = this.base.programOptions({ TOLD_SECONDS: this.#at("told") });
    Deno.mkdirSync(this.#runtimeOf(name), { mode: 0o700 });
    const program = startProgram(args, {
      env: { ...env, XDG_RUNTIME_DIR: this.#runtimeOf(name) },
      copy: { deno: Deno.execPath(), entry: this.entry },
    });
    this.#programs.set(name, this.#opened.use(program));
    return program;
  }

  /** Replaces the file atomically, so that a program reads the old or the new number. */
  async #tell(seconds: number): Promise<void> {
    await Deno.writeTextFile(this.#at("told.new"), String(seconds));
    await Deno.rename(this.#at("told.new"), this.#at("told"));
  }

  #at(name: string): string {
    return this.base.folder.at(name);
  }
}
