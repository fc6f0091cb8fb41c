import { LicenseServerClient } from "../activation/client.ts";
import { toMachineName } from "../core/machine_name.ts";
import type { LicenseEnvelope } from "../license/license_file.ts";
import type { StandardLicense } from "../license/payload.ts";
import { type AnnouncedDays, LicenseTerm } from "../enforcement/term.ts";
import { digestOrganizationKey } from "../license/organization_key.ts";
import { locateProductFolder, openProductFolder, type Product } from "../state/product_folder.ts";
import { KEPT_LICENSE_FILE, type StateFolder, writeAtomically } from "../state/state_folder.ts";
import { hasKeystore } from "../state/find_keystore.ts";
import { ConfigError, describeError } from "../core/errors.ts";
import { ifExists } from "../core/files.ts";
import { TamperFindings } from "../enforcement/tamper_findings.ts";
import { Confirmations } from "../enforcement/confirmations.ts";
import { Lease } from "../enforcement/lease.ts";
import { findRecord, GraceBudget, type GraceBudgetMemory } from "../enforcement/grace.ts";
import type { Licensing, ProvenLicense } from "../enforcement/licensing.ts";
import { type Machine, openMachine } from "../enforcement/machine.ts";
import type { LicenseRequest, RunDependencies, RunRequest } from "./run_request.ts";
import { createAliveWatch, createDateWatch, createHeartbeatWatch } from "../enforcement/watches.ts";

/** The part of a run that concerns its license; nothing is launched. */
type LicensingRequest = LicenseRequest & Pick<RunRequest, "orgKey">;
type LicensingDependencies = Omit<RunDependencies, "stopRequest">;

interface Parts extends Pick<Machine, "keys" | "storage"> {
  readonly folder: StateFolder;
  readonly findings: TamperFindings;
}

interface Options {
  readonly request: LicensingRequest;
  readonly deps: LicensingDependencies;
}

/** Licenses that the vendor's server confirms by heartbeats. */
export class StandardLicensing implements Licensing<StandardLicense> {
  readonly findings: TamperFindings;
  readonly machineId: string;
  readonly #parts: Parts;
  readonly #options: Options;
  /** The state that earlier licenses of this run left. */
  #memory: GraceBudgetMemory;

  readonly #announced: AnnouncedDays = new WeakMap();

  private constructor(
    parts: Parts,
    memory: GraceBudgetMemory,
    options: Options,
  ) {
    this.findings = parts.findings;
    this.machineId = memory.state.socket_id ?? memory.state.machine_id;
    this.#parts = parts;
    this.#memory = memory;
    this.#options = options;
  }

  /**
   * Opens this machine's state and keys; they stay locked until disposal.
   *
   * @throws {SentinelError}
   */
  static async open(
    license: StandardLicense,
    request: LicensingRequest,
    deps: LicensingDependencies,
  ): Promise<StandardLicensing> {
    requireServerUrl(license, request);
    using stack = new DisposableStack();
    const opened = await openProductFolder(await identifyProduct(license, request), request, deps);
    const folder = stack.use(opened.folder);
    const { keys, state, storage, rollback } = await openMachine(folder, {
      ...deps,
      place: opened.place,
      licenseKey: license.license_key,
    });
    const findings = new TamperFindings(deps.log);
    if (rollback !== undefined) {
      findings.report({
        kind: "state_rollback",
        message: "state rollback detected",
        evidence: rollback,
      });
    }
    stack.move();
    return new StandardLicensing({ folder, keys, storage, findings }, { state }, { request, deps });
  }

  /** Opens them if they exist; creates nothing. */
  static async openExisting(
    license: StandardLicense,
    request: LicensingRequest,
    deps: LicensingDependencies,
  ): Promise<StandardLicensing | undefined> {
    const product = await identifyProduct(license, request);
    const { path, shared } = await locateProductFolder(product, request, deps);
    const folders = shared === undefined ? [path] : [path, shared];
    const found = await Promise.all(folders.map(hasKeystore));
    return found.includes(true) ? await StandardLicensing.open(license, request, deps) : undefined;
  }

  async prove(license: StandardLicense, signal: AbortSignal): Promise<ProvenLicense> {
    const { clock, random, log } = this.#options.deps;
    const { lease, graceBudget, serverUrl } = this.#createLease(license);
    const term = new LicenseTerm(license, {
      log,
      announced: this.#announced,
      nowMs: () => lease.nowMs(),
    });
    const confirmations = new Confirmations(lease, { clock });
    const end = async () => {
      await confirmations.end();
      await graceBudget.end();
      this.#memory = graceBudget.memory;
    };
    try {
      await lease.activate(signal);
      await lease.beatAtStart(signal);
      term.check();
    } catch (error) {
      await end();
      throw error;
    }
    return {
      license,
      watches: [
        createHeartbeatWatch(lease, { license, term, clock, random }),
        createDateWatch(term, clock),
        createAliveWatch(lease, clock),
        confirmations.watch,
      ],
      status: () => ({
        license_status: lease.status,
        grace_remaining_seconds: lease.graceRemainingSeconds,
        ...(lease.lastHeartbeat && { last_heartbeat: lease.lastHeartbeat }),
        server_url: serverUrl,
      }),
      nowMs: () => lease.nowMs(),
      daysLeft: () => term.daysLeft,
      onEnding: (listener) => term.onEnding(listener),
      onGraceCharged: (listener) => lease.onGraceCharged(listener),
      machineId: lease.machineId,
      confirm: (nonce, signal) => confirmations.confirm(nonce, signal),
      end,
    };
  }

  /** Whether this machine is activated for the license. */
  isActivated(license: StandardLicense): boolean {
    return findRecord(this.#memory.state, license).activated;
  }

  /** A failure does not stop the software: it can do without. */
  async keep(envelope: LicenseEnvelope): Promise<void> {
    const text = JSON.stringify(envelope);
    const path = this.#parts.folder.at(KEPT_LICENSE_FILE);
    try {
      if (await ifExists(Deno.readTextFile(path)) === text) return;
      await writeAtomically(path, new TextEncoder().encode(text));
    } catch (error) {
      this.#options.deps.log.error(`state cannot be saved: ${describeError(error)}`);
    }
  }

  [Symbol.dispose](): void {
    this.#parts.folder[Symbol.dispose]();
  }

  /**
   * Gives this machine's place on the license back.
   *
   * @returns False if it has none.
   * @throws {SentinelError}
   */
  async release(license: StandardLicense, signal: AbortSignal): Promise<boolean> {
    return await this.#createLease(license).lease.release(signal);
  }

  #createLease(license: StandardLicense): {
    lease: Lease;
    graceBudget: GraceBudget;
    serverUrl: string;
  } {
    const { request, deps } = this.#options;
    const { keys: { sign, publicKeyPem }, storage, findings } = this.#parts;
    const { readBootClock } = deps.platform;
    const graceBudget = new GraceBudget({
      ...{ ...deps, license, memory: this.#memory, storage, readBootClock, findings },
    });
    const serverUrl = requireServerUrl(license, request);
    const machineName = request.machineName ?? toMachineName(deps.hostName?.() ?? "");
    const client = new LicenseServerClient({ ...deps, serverUrl, sign, machineName });
    const lease = new Lease({ ...deps, license, graceBudget, client, serverUrl, publicKeyPem });
    return { lease, graceBudget, serverUrl };
  }
}

/** The product of a license, after which its folder is named. */
export async function identifyProduct(
  { software_id }: StandardLicense,
  { orgKey }: Pick<RunRequest, "orgKey">,
): Promise<Product> {
  return { softwareId: software_id, organizationKeyDigest: await digestOrganizationKey(orgKey) };
}

function requireServerUrl(license: StandardLicense, request: LicenseRequest): string {
  const serverUrl = request.serverUrl ?? license.server_url;
  if (serverUrl !== undefined) return serverUrl;
  throw new ConfigError("config.server_url", "--server-url is required for STANDARD licenses");
}
