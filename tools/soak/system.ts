import { fromFileUrl } from "@std/path";
import { writeAuthority, writeCertificate } from "../../src/app/pki.ts";
import { freePort } from "../../tests/support/free_port.ts";
import { RecordingLog } from "../../tests/support/recording_log.ts";
import { seededRandom } from "../../tests/support/seeded_random.ts";
import { type TemporaryFolder, temporaryFolder } from "../../tests/support/temporary_folder.ts";
import { CuttableNetwork } from "./cuttable_network.ts";
import type { KeptProgram } from "./kept_program.ts";
import { LicensedRun } from "./licensed_run.ts";
import { Operator } from "./operators.ts";
import { SmallDisk } from "./small_disk.ts";
import { ToldTime } from "./told_time.ts";
import { type Terms, Vendor } from "./vendor.ts";

/** The variable that all processes of a soak have, whoever started them. */
export const LAUNCH_TOKEN_VARIABLE = "SOAK_MARK";

/** A heartbeat in so many told hours. */
export const INTERVAL_HOURS = 2;

/** What the licenses have, one after the other, then again; the first are soon at the end of it. */
const GRACE_DAYS = [1, 1, 1, 2, 2, 5, 30, 365];

/** Records of processes are kept for ever. */
const DISK_MEGABYTES = 64, DISK_MEGABYTES_PER_MINUTE = 4;
const OPERATORS = 2;

/** On a machine that is busy with other things. */
const READY_WITHIN_MS = 60_000;

const SOFTWARE = fromFileUrl(new URL("../../tests/fixtures/soaked_software.sh", import.meta.url));

/** The places that can be filled up. */
export type DiskName = "customers" | "vendor" | "daemon";

export interface SystemOptions {
  /** How many `sentinel run` there are. */
  readonly runs: number;
  readonly seed: number;
  /** How long it is to last. */
  readonly chaosMs: number;
}

/** A vendor with its server, customers that run its software, one with a daemon, and its remote operators. */
export class SystemUnderTest implements AsyncDisposable {
  readonly mark = crypto.randomUUID();
  readonly runs: LicensedRun[] = [];
  readonly operators: Operator[] = [];
  daemon!: LicensedRun;
  vendor!: Vendor;
  time!: ToldTime;
  /** Between operators and daemon. */
  operatorsNetwork!: CuttableNetwork;
  #boxes = 0;
  readonly disks = new Map<DiskName, SmallDisk>();
  readonly #opened = new AsyncDisposableStack();

  private constructor(readonly folder: TemporaryFolder) {}

  /** Starts everything and waits until all software runs. */
  static async start(options: SystemOptions): Promise<SystemUnderTest> {
    const system = new SystemUnderTest(await temporaryFolder());
    try {
      await system.#start(options);
      return system;
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
  }

  at(name: string): string {
    return this.folder.at(name);
  }

  /** Variables of a new container: with folders of its own for sockets and replicas. */
  async makeBox(): Promise<Record<string, string>> {
    // short, as paths of sockets are limited
    const folder = this.at(`b${++this.#boxes}`);
    await Deno.mkdir(folder, { mode: 0o700 });
    return { XDG_RUNTIME_DIR: folder, XDG_STATE_HOME: `${folder}/witness` };
  }

  /** Where processes of the daemon are recorded. */
  get records(): string {
    return `${this.#disk("daemon")}/records`;
  }

  /** All that run software under a license. */
  get licensed(): LicensedRun[] {
    return [...this.runs, this.daemon];
  }

  /** All that is kept running. */
  get programs(): KeptProgram[] {
    return [this.vendor.server, ...this.licensed.map(({ program }) => program)];
  }

  /** Waits until all programs are ready; those that are not in time, with what they wrote last. */
  async findLate(): Promise<string[]> {
    const said = this.programs.map(async (program) => {
      if (await program.waitUntilReady({ withinMs: READY_WITHIN_MS })) return [];
      return [`${program.name} is not ready: ${program.lives.at(-1)?.tail ?? ""}`];
    });
    return (await Promise.all(said)).flat();
  }

  /** Stops everything as its owner would, customers first. */
  async stop(): Promise<void> {
    await Promise.all(this.licensed.map(({ program }) => program.stop()));
    await this.vendor.server.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
    await this.folder[Symbol.asyncDispose]();
  }

  async #start({ runs, seed, chaosMs }: SystemOptions): Promise<void> {
    this.time = await ToldTime.begin(this.at("hours"));
    const megabytes = DISK_MEGABYTES + Math.ceil(chaosMs / 60_000 * DISK_MEGABYTES_PER_MINUTE);
    for (const name of ["customers", "vendor", "daemon"] as const) {
      this.disks.set(name, this.#opened.use(await SmallDisk.make(this.at(name), { megabytes })));
    }
    await Deno.mkdir(this.at("runtime"), { mode: 0o700 });
    await this.#openVendor();
    for (let number = 1; number <= runs; number++) await this.#addRun(number);
    await this.#addDaemon();
    await this.#addOperators(seed);
    this.vendor.start();
    for (const { program } of this.licensed) program.start();
    const late = await this.findLate();
    if (late.length > 0) throw new Error(`Cannot start the system: ${late.join("\n")}`);
  }

  async #openVendor(): Promise<void> {
    const { env } = this;
    const hour = () => this.time.hour;
    const folder = this.at("licenses"), disk = this.#disk("vendor");
    this.vendor = await Vendor.open({ folder, disk, env, hour });
    this.#opened.use(this.vendor.server);
  }

  async #addRun(number: number): Promise<void> {
    const terms = termsOf(`K${number}`, GRACE_DAYS[(number - 1) % GRACE_DAYS.length]!);
    const license = await this.vendor.issue(terms);
    const stateDir = `${this.#disk("customers")}/state-${number}`;
    const args = [
      ...["run", "--license", license, "--software", SOFTWARE, "--log-level", "debug"],
      ...["--org-key", this.vendor.publicKeyPath],
      ...["--state-dir", stateDir],
    ];
    this.runs.push(this.#license(terms, stateDir, {
      name: `run ${number}`,
      args: (url) => [...args, "--server-url", url],
      isReady: /software launched/,
    }));
  }

  async #addDaemon(): Promise<void> {
    const port = freePort(), certificates = this.at("certificates");
    await writeAuthority({ folder: certificates, name: "soak CA", days: 30 });
    await this.#certify({ kind: "server", name: "server", others: ["127.0.0.1"] });
    const terms = termsOf("K0", 365);
    const license = await this.vendor.issue(terms);
    await Deno.writeTextFile(
      this.at("sentinel.toml"),
      `[license]\npath = "${license}"\nstate_dir = "${this.#disk("daemon")}/state"\n` +
        `[software]\npath = "${SOFTWARE}"\n` +
        `[process]\npid_file = "${this.at("runtime/daemon.pid")}"\n` +
        `[server]\nenabled = true\nport = ${port}\ndata_dir = "${this.records}"\n` +
        `certificate = "${certificates}/server.pem"\nkey = "${certificates}/server.key"\n` +
        `certificate_authority = "${certificates}/ca.pem"\n[logging]\nlevel = "debug"\n`,
    );
    const args = ["daemon", "start", "--foreground", "--config", this.at("sentinel.toml")];
    this.daemon = this.#license(terms, `${this.#disk("daemon")}/state`, {
      name: "daemon",
      args: (url) => [...args, "--org-key", this.vendor.publicKeyPath, "--server-url", url],
      isReady: /starting -> running/,
    });
    this.operatorsNetwork = this.#opened.use(new CuttableNetwork(port));
  }

  async #addOperators(seed: number): Promise<void> {
    const certificates = this.at("certificates");
    await this.#certify({ kind: "client", name: "ops", role: "control" });
    for (let number = 0; number < OPERATORS; number++) {
      this.operators.push(
        new Operator({
          certificate: `${certificates}/client.pem`,
          key: `${certificates}/client.key`,
          certificateAuthority: `${certificates}/ca.pem`,
          port: () => this.operatorsNetwork.port,
          random: seededRandom(seed + number),
          env: this.env,
        }),
      );
    }
  }

  async #certify(holder: Parameters<typeof writeCertificate>[0]["holder"]): Promise<void> {
    const authorityFolder = this.at("certificates");
    const days = undefined, requestPath = undefined;
    await writeCertificate(
      { authorityFolder, folder: authorityFolder, holder, days, requestPath },
      new RecordingLog(),
    );
  }

  #license(
    terms: Terms,
    stateDir: string,
    program: ConstructorParameters<typeof LicensedRun>[0]["program"],
  ): LicensedRun {
    const { vendor, env } = this;
    const softwareLog = this.at(`software-${terms.licenseKey}.log`);
    const hour = () => this.time.hour;
    return this.#opened.use(
      new LicensedRun({ terms, vendor, softwareLog, stateDir, env, hour, program }),
    );
  }

  #disk(name: DiskName): string {
    return this.disks.get(name)!.path;
  }

  get env(): Record<string, string> {
    return {
      [LAUNCH_TOKEN_VARIABLE]: this.mark,
      TOLD_HOURS: this.time.path,
      XDG_RUNTIME_DIR: this.at("runtime"),
      XDG_STATE_HOME: `${this.#disk("customers")}/witness`,
    };
  }
}

function termsOf(licenseKey: string, graceDays: number): Terms {
  return { licenseKey, graceDays, heartbeatMinutes: INTERVAL_HOURS * 60 };
}
