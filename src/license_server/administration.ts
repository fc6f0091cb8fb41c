import { SentinelError } from "../core/errors.ts";
import type { LicenseRecord, MachineStatus, StoredLicenseStatus } from "./records.ts";
import type { Audit, Decision, Facts, LicenseStore } from "./store.ts";

/** What the vendor can do to a license. */
export type LicenseAction = "revoke" | "suspend" | "reinstate";

/** Who does it and when (milliseconds since the Unix epoch), for the audit row. */
export type Origin = Pick<Audit, "atMs" | "actor">;

/** Where each action leads from each status; a text says why it leads nowhere. */
const STEPS: Readonly<
  Record<LicenseAction, Readonly<Record<StoredLicenseStatus, { to: StoredLicenseStatus } | string>>>
> = {
  revoke: {
    ACTIVE: { to: "REVOKED" },
    SUSPENDED: { to: "REVOKED" },
    REVOKED: "is already revoked",
  },
  suspend: {
    ACTIVE: { to: "SUSPENDED" },
    SUSPENDED: "is already suspended",
    REVOKED: "is revoked for good",
  },
  reinstate: {
    ACTIVE: "is not suspended",
    SUSPENDED: { to: "ACTIVE" },
    REVOKED: "is revoked for good",
  },
};

const AUDIT_ACTIONS: Readonly<Record<LicenseAction, string>> = {
  revoke: "license.revoked",
  suspend: "license.suspended",
  reinstate: "license.reinstated",
};

/** Done, or the sentence that says why not. */
type Verdict = { readonly kind: "done" } | { readonly kind: "impossible"; readonly why: string };

/**
 * Revokes, suspends or reinstates a license; its machines learn it at their next heartbeat.
 *
 * @throws {SentinelError} `usage.license_state` where the license is unknown or the step does not exist.
 */
export async function changeLicense(
  store: LicenseStore,
  action: LicenseAction,
  { licenseKey, origin }: { licenseKey: string; origin: Origin },
): Promise<void> {
  const verdict = await store.decide({ licenseKey }, ({ license }): Decision<Verdict> => {
    if (license === undefined) return impossible(unknown(licenseKey));
    const step = STEPS[action][license.status];
    if (typeof step === "string") return impossible(`license ${licenseKey} ${step}`);
    return {
      outcome: { kind: "done" },
      changes: [{
        kind: "set_license_status",
        status: step.to,
        audit: { action: AUDIT_ACTIONS[action], ...origin },
      }],
    };
  });
  if (verdict.kind === "impossible") throw new SentinelError("usage.license_state", verdict.why);
}

/** Which machine is to leave which license. */
export interface DecommissionRequest {
  readonly licenseKey: string;
  readonly machineId: string;
  /** Whether its place is free at once, as it does not come back. */
  readonly isLost?: boolean;
}

type Obstacles = Readonly<Partial<Record<MachineStatus, string>>>;

/** Why a machine cannot be given up as lost. */
const GONE: Obstacles = {
  LOST: "is already given up as lost",
  DECOMMISSIONED: "is already decommissioned",
};

/** Why it cannot be asked to leave. */
const LEAVING: Obstacles = { DECOMMISSION_PENDING: "is already asked to leave", ...GONE };

/**
 * Asks a machine to give its license up: it is told at its next heartbeat, and counts until it has acknowledged, or, where
 * it is lost, no longer.
 *
 * @throws {SentinelError} `usage.machine_state` where the license or the machine is unknown or already leaving.
 */
export async function requestDecommission(
  store: LicenseStore,
  { licenseKey, machineId, isLost = false }: DecommissionRequest,
  origin: Origin,
): Promise<void> {
  const decide = ({ license, machine }: Facts): Decision<Verdict> => {
    if (license === undefined) return impossible(unknown(licenseKey));
    if (machine === undefined) {
      return impossible(`machine is not activated for license ${licenseKey}: ${machineId}`);
    }
    const why = (isLost ? GONE : LEAVING)[machine.status];
    if (why !== undefined) return impossible(`machine ${machineId} ${why}`);
    const action = isLost ? "machine.given_up" : "machine.decommission_requested";
    return {
      outcome: { kind: "done" },
      changes: [{
        kind: "set_machine_status",
        status: isLost ? "LOST" : "DECOMMISSION_PENDING",
        audit: { action, ...origin },
      }],
    };
  };
  const verdict = await store.decide({ licenseKey, machineId }, decide);
  if (verdict.kind === "impossible") throw new SentinelError("usage.machine_state", verdict.why);
}

/**
 * One license.
 *
 * @throws {SentinelError} `usage.license_state` where it is unknown.
 */
export async function findLicense(store: LicenseStore, licenseKey: string): Promise<LicenseRecord> {
  const { license } = await store.read({ licenseKey });
  if (license === undefined) throw new SentinelError("usage.license_state", unknown(licenseKey));
  return license;
}

function unknown(licenseKey: string): string {
  return `license not found: ${licenseKey}`;
}

function impossible(why: string): Decision<Verdict> {
  return { outcome: { kind: "impossible", why }, changes: [] };
}
