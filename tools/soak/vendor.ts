import { administer, issue } from "../../src/app/vendor.ts";
import { systemClock } from "../../src/core/clock.ts";
import { describeError } from "../../src/core/errors.ts";
import { makeOrganizationKey } from "../../src/license_server/keys.ts";
import { freePort } from "../../tests/support/free_port.ts";
import { programCommand } from "../../tests/support/program.ts";
import { RecordingLog } from "../../tests/support/recording_log.ts";
import { KeptProgram } from "./kept_program.ts";
import { type Beat, countMachines, loseMachines, noteBeats, readBeats } from "./vendor_facts.ts";

export interface VendorOptions {
  /** Where the keys go. */
  readonly folder: string;
  /** Where the database goes. */
  readonly disk: string;
  readonly env: Readonly<Record<string, string>>;
  readonly hour: () => number;
}

/** What a license is issued for. */
export interface Terms {
  readonly licenseKey: string;
  readonly heartbeatMinutes: number;
  readonly graceDays: number;
}

const TRY_AGAIN_MS = 200;

/** The vendor of a soak: keys, database, and the license server, which is kept running. */
export class Vendor {
  readonly #suspended = new Set<string>();

  private constructor(
    readonly publicKeyPath: string,
    readonly privateKeyPath: string,
    readonly database: string,
    readonly port: number,
    readonly server: KeptProgram,
    readonly folder: string,
  ) {}

  static async open({ folder, disk, env, hour }: VendorOptions): Promise<Vendor> {
    const { privateKeyPath, publicKeyPath } = await makeOrganizationKey(folder);
    const database = `${disk}/licenses.db`, port = freePort();
    const args = [
      ...["vendor", "serve", "--key", privateKeyPath],
      ...["--database", database, "--port", String(port)],
    ];
    const server = new KeptProgram({
      name: "vendor server",
      command: () => programCommand(args, { env, fixture: "sentinel_in_told_time.ts" }),
      isReady: /listening on /,
      hour,
    });
    return new Vendor(publicKeyPath, privateKeyPath, database, port, server, folder);
  }

  /** Issues and registers a license; the path of its file. */
  async issue({ licenseKey, heartbeatMinutes, graceDays }: Terms): Promise<string> {
    const outPath = this.pathOf(licenseKey);
    const terms = {
      ...{ licenseKey, type: "STANDARD", orgId: "acme", softwareId: "rocket" } as const,
      ...{ issueDate: "2020-01-01", expiryDate: "2999-12-31", features: {} },
      ...{ maxMachines: undefined, serverUrl: undefined, fingerprint: undefined },
      ...{ heartbeatMinutes, graceDays },
    };
    const request = { terms, keyPath: this.privateKeyPath, checksumPath: undefined, outPath };
    await issue(request, { database: this.database, log: new RecordingLog() });
    return outPath;
  }

  /** The path of a license's file. */
  pathOf(licenseKey: string): string {
    return `${this.folder}/${licenseKey}.lic`;
  }

  /** Has the database note heartbeats from now on, and starts the server. */
  start(): void {
    noteBeats(this.database);
    this.server.start();
  }

  /** Suspends a license for as long as `meanwhile` takes. */
  async suspend(licenseKey: string, meanwhile: () => Promise<void>): Promise<void> {
    this.#suspended.add(licenseKey);
    await this.#decide("suspend", licenseKey);
    await meanwhile();
    await this.#decide("reinstate", licenseKey);
    this.#suspended.delete(licenseKey);
  }

  isSuspended(licenseKey: string): boolean {
    return this.#suspended.has(licenseKey);
  }

  /** Removes a license's machine from the database, as the restore of an older one does. */
  async loseMachine(licenseKey: string): Promise<void> {
    await retryWrite(`remove the machine of ${licenseKey}`, () => {
      loseMachines(this.database, licenseKey);
      return Promise.resolve();
    });
  }

  async #decide(action: "suspend" | "reinstate", licenseKey: string): Promise<void> {
    const { database } = this;
    await retryWrite(
      `${action} ${licenseKey}`,
      () => administer(action, { database, licenseKey }),
    );
  }

  /** How many machines have a place on a license. */
  countMachines(licenseKey: string): number {
    return countMachines(this.database, licenseKey);
  }

  /** What the database noted. */
  beats(): Beat[] {
    return readBeats(this.database);
  }
}

/** Writes to the database, again if it is locked or its disk is full for a while. */
async function retryWrite(what: string, write: () => Promise<void>): Promise<void> {
  for (let tries = 0;; tries++) {
    try {
      return await write();
    } catch (error) {
      if (tries === 50) throw new Error(`Cannot ${what}: ${describeError(error)}`);
      await systemClock.sleep(TRY_AGAIN_MS);
    }
  }
}
