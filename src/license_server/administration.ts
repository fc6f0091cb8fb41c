import { SentinelError } from "../core/errors.ts";
import type { LicenseRecord, MachineStatus, StoredLicenseStatus } from "./records.ts";
import type { Audit, Decision, LicenseStore, StoredRecords } from "./store.ts";

export type LicenseAction = "revoke" | "suspend" | "reinstate";

/** Actor and time (milliseconds since the Unix epoch) for the audit row. */
export type AuditOrigin = Pick<Audit, "atMs" | "actor">;

/** The status that each action leads to from each status, or the reason why it is refused. */
const TRANSITIONS: Readonly<
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
    REVOKED: "is permanently revoked",
  },
  reinstate: {
    ACTIVE: "is not suspended",
    SUSPENDED: { to: "ACTIVE" },
    REVOKED: "is permanently revoked",
  },
};

const AUDIT_ACTIONS: Readonly<Record<LicenseAction, string>> = {
  revoke: "license.revoked",
  suspend: "license.suspended",
  reinstate: "license.reinstated",
};

export type ChangeOutcome = { readonly kind: "done" } | {
  readonly kind: "impossible";
  readonly why: string;
};

/**
 * Revokes, suspends or reinstates a license; its machines receive the new status with their next heartbeat.
 *
 * @throws {SentinelError} `usage.license_state` The license is unknown, or its status does not allow the action.
 */
export async function changeLicense(
  store: LicenseStore,
  action: LicenseAction,
  { licenseKey, origin }: { licenseKey: string; origin: AuditOrigin },
): Promise<void> {
  const outcome = await store.decide({ licenseKey }, ({ license }): Decision<ChangeOutcome> => {
    if (license === undefined) return refuse(describeUnknownLicense(licenseKey));
    const step = TRANSITIONS[action][license.status];
    if (typeof step === "string") return refuse(`license ${licenseKey} ${step}`);
    return {
      outcome: { kind: "done" },
      changes: [{
        kind: "set_license_status",
        status: step.to,
        audit: { action: AUDIT_ACTIONS[action], ...origin },
      }],
    };
  });
  if (outcome.kind === "impossible") throw new SentinelError("usage.license_state", outcome.why);
}

export interface DecommissionRequest {
  readonly licenseKey: string;
  readonly machineId: string;
  /** Whether the machine is gone and stops counting at once. */
  readonly isLost?: boolean;
}

type Obstacles = Readonly<Partial<Record<MachineStatus, string>>>;

/** Statuses that rule out marking a machine as lost, with the reason. */
const LOST_OBSTACLES: Obstacles = {
  LOST: "is already marked as lost",
  DECOMMISSIONED: "is already decommissioned",
  RELEASED: "has already given its place back",
  BLOCKED: "is blocked",
};

/** Statuses that rule out a request to decommission, with the reason. */
const DECOMMISSION_OBSTACLES: Obstacles = {
  DECOMMISSION_PENDING: "is already being decommissioned",
  ...LOST_OBSTACLES,
};

/**
 * Asks a machine to give up its license with its next heartbeat. It counts until it acknowledges; a lost one stops counting
 * at once.
 *
 * @throws {SentinelError} `usage.machine_state` The license or machine is unknown, or the machine is already leaving.
 */
export async function requestDecommission(
  store: LicenseStore,
  { licenseKey, machineId, isLost = false }: DecommissionRequest,
  origin: AuditOrigin,
): Promise<void> {
  const decide = ({ license, machine }: StoredRecords): Decision<ChangeOutcome> => {
    if (license === undefined) return refuse(describeUnknownLicense(licenseKey));
    if (machine === undefined) {
      return refuse(describeUnknownMachine(licenseKey, machineId));
    }
    const why = (isLost ? LOST_OBSTACLES : DECOMMISSION_OBSTACLES)[machine.status];
    if (why !== undefined) return refuse(`machine ${machineId} ${why}`);
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
  const outcome = await store.decide({ licenseKey, machineId }, decide);
  if (outcome.kind === "impossible") throw new SentinelError("usage.machine_state", outcome.why);
}

/** Reads a license. @throws {SentinelError} `usage.license_state` It is unknown. */
export async function findLicense(store: LicenseStore, licenseKey: string): Promise<LicenseRecord> {
  const { license } = await store.read({ licenseKey });
  if (license === undefined) {
    throw new SentinelError("usage.license_state", describeUnknownLicense(licenseKey));
  }
  return license;
}

export function describeUnknownLicense(licenseKey: string): string {
  return `license not found: ${licenseKey}`;
}

export function describeUnknownMachine(licenseKey: string, machineId: string): string {
  return `machine is not activated for license ${licenseKey}: ${machineId}`;
}

export function refuse(why: string): Decision<ChangeOutcome> {
  return { outcome: { kind: "impossible", why }, changes: [] };
}
