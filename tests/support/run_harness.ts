import { startVendorServer } from "../../src/app/vendor.ts";
import type { Signatures } from "../../src/license_server/signatures.ts";
import type { RunningLicenseServer } from "../../src/license_server/server.ts";
import { RecordingLog } from "./recording_log.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { Doubles } from "./doubles.ts";
import { programLine, type ProgramOptions, resultOf, runProgram, startProgram } from "./program.ts";
import type { ProgramResult, RunningProgram } from "./program.ts";
import { freePort } from "./free_port.ts";
import { type TemporaryFolder, temporaryFolder } from "./temporary_folder.ts";
import { runVendorCommand } from "./vendor_commands.ts";

/** A vendor's keys, license server and license `K1`, and `sentinel run` under it, in one temporary folder. */
export class RunHarness implements AsyncDisposable {
  readonly port = freePort();
  /** Without it the state is in the user's data folder, `home/sentinel-drm`. */
  stateDir: string | undefined;
  #server: RunningLicenseServer | undefined;

  private constructor(readonly folder: TemporaryFolder) {
    this.stateDir = folder.at("state");
  }

  /** Makes keys and a license, `K1`, and starts the server. */
  static async open(...terms: string[]): Promise<RunHarness> {
    await using stack = new AsyncDisposableStack();
    const base = stack.use(new RunHarness(await temporaryFolder()));
    await base.vendor("keygen", "--out", base.folder.path);
    await base.issue("K1", ...terms);
    await base.startServer();
    stack.move();
    return base;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Runs `sentinel vendor …`, which must succeed; returns its output. */
  async vendor(...args: string[]): Promise<string> {
    return await runVendorCommand(args);
  }

  async issue(licenseKey: string, ...terms: string[]): Promise<void> {
    const { at } = this.folder;
    const software = terms.includes("--software-id") ? [] : ["--software-id", "rocket"];
    await this.vendor(
      ...["issue", "--type", "standard", "--org", "acme", ...software],
      ...["--license-key", licenseKey, "--expires", "2999-12-31", "--server-url", this.url],
      ...["--key", at("org_private_key.pem"), "--database", at("vendor.db")],
      ...["--out", at(`${licenseKey}.lic`), ...terms],
    );
  }

  /** Writes `sentinel.toml`: license, state and software, and what is given. */
  async configure(software: string, { softwareKeys = "", tables = "" } = {}): Promise<void> {
    await Deno.writeTextFile(
      this.folder.at("sentinel.toml"),
      `[license]\npath = "K1.lic"\nstate_dir = "state"\n` +
        `[software]\npath = ${JSON.stringify(software)}\n${softwareKeys}\n${tables}\n`,
    );
  }

  async startServer(signatures?: Signatures): Promise<void> {
    this.#server = await startVendorServer({
      ...(signatures && { signatures }),
      keyPath: this.folder.at("org_private_key.pem"),
      database: this.folder.at("vendor.db"),
      ...{ address: "127.0.0.1", port: this.port, tls: undefined, trustProxy: false },
    }, { log: new RecordingLog(), clock: systemClock });
  }

  async stopServer(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  /** Writes a shell script into the folder; returns its path. */
  async script(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.folder.at(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return this.folder.at(name);
  }

  /** Arguments of `sentinel run`. */
  runArguments(software: string, { license = "K1", args = [] as string[] } = {}): string[] {
    const { at } = this.folder;
    return [
      ...["run", "--license", at(`${license}.lic`), "--software", software],
      ...["--org-key", at("org_public_key.pem")],
      ...(this.stateDir === undefined ? [] : ["--state-dir", this.stateDir]),
      ...["--log-level", "debug", "--", ...args],
    ];
  }

  async run(
    software: string,
    { env, doubles, fixture, wrapper = [], ...options }: {
      license?: string;
      args?: string[];
      env?: Record<string, string>;
      doubles?: Doubles | undefined;
      fixture?: string;
      /** A command that runs the command behind it. */
      wrapper?: readonly string[];
    } = {},
  ): Promise<ProgramResult> {
    const programOptions = {
      ...this.programOptions(env),
      wrapper,
      doubles,
      ...(fixture !== undefined && { fixture }),
    };
    return await runProgram(this.runArguments(software, options), programOptions);
  }

  /** Runs `sentinel run` on a terminal that the Python program `driver` opens. */
  async runOnTerminal(software: string, driver: string): Promise<ProgramResult> {
    const program = programLine(this.runArguments(software));
    return await resultOf("python3", {
      args: ["-c", driver, ...program],
      env: { NO_COLOR: "1", ...this.programOptions().env },
    });
  }

  /** Starts `sentinel run` with heartbeats on SIGUSR2 (see the fixture). */
  start(
    software: string,
    { args = [] as string[], intervalMinutes = 60, env = {}, doubles }: {
      args?: string[];
      intervalMinutes?: number;
      env?: Record<string, string>;
      doubles?: Doubles | undefined;
    } = {},
  ): RunningProgram {
    return startProgram(this.runArguments(software, { args }), {
      ...this.programOptions({ INTERVAL_MINUTES: String(intervalMinutes), ...env }),
      doubles,
      fixture: "sentinel_with_clock.ts",
    });
  }

  /** Options with separate folders for sockets and state replicas, and more of the environment. */
  programOptions(env: Record<string, string> = {}): ProgramOptions {
    const runtime = this.folder.at("runtime");
    Deno.mkdirSync(runtime, { recursive: true, mode: 0o700 });
    const { at } = this.folder;
    return {
      env: {
        ...{ XDG_RUNTIME_DIR: runtime, XDG_STATE_HOME: at("witness"), XDG_DATA_HOME: at("home") },
        ...env,
      },
    };
  }

  /** The machines that the vendor's server knows for a license. */
  async machines(
    licenseKey = "K1",
  ): Promise<{ machine_id: string; status: string; name: string | null }[]> {
    const listing = await this.vendor("list", "--json", "--database", this.folder.at("vendor.db"));
    const licenses: { license_key: string; machines: [] }[] = JSON.parse(listing).licenses;
    return licenses.find(({ license_key }) => license_key === licenseKey)!.machines;
  }

  /** Names of sockets, lock files and other files in the runtime folder, sorted. */
  async sockets(): Promise<string[]> {
    try {
      const entries = Deno.readDir(this.folder.at("runtime/sentinel"));
      return (await Array.fromAsync(entries, ({ name }) => name)).sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopServer();
    await this.folder[Symbol.asyncDispose]();
  }
}
