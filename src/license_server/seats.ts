import { SentinelError } from "../core/errors.ts";
import {
  type AuditOrigin,
  type ChangeOutcome,
  describeUnknownLicense,
  describeUnknownMachine,
  refuse,
} from "./administration.ts";
import type { LicenseRecord } from "./records.ts";
import type { Change, Decision, LicenseStore, StoredRecords } from "./store.ts";

/**
 * Closes a license to new machines, or opens it again; the machines that it has are not affected.
 *
 * @throws {SentinelError} `usage.license_state` The license is unknown, or is so already.
 */
export async function closeLicense(
  store: LicenseStore,
  { licenseKey, isClosed }: { licenseKey: string; isClosed: boolean },
  origin: AuditOrigin,
): Promise<void> {
  const outcome = await store.decide({ licenseKey }, ({ license }): Decision<ChangeOutcome> => {
    if (license === undefined) return refuse(describeUnknownLicense(licenseKey));
    if (license.isClosed === isClosed) {
      return refuse(`license ${licenseKey} is ${isClosed ? "already" : "not"} closed`);
    }
    const action = isClosed ? "license.closed" : "license.reopened";
    return {
      outcome: { kind: "done" },
      changes: [{ kind: "set_license_closed", isClosed, audit: { action, ...origin } }],
    };
  });
  if (outcome.kind === "impossible") throw new SentinelError("usage.license_state", outcome.why);
}

/**
 * Blocks a machine: its place is free at once, it stops at its next heartbeat, and it cannot activate again. Unblocked, it may
 * activate like a new one.
 *
 * @throws {SentinelError} `usage.machine_state` The license or machine is unknown, or is so already.
 */
export async function blockMachine(
  store: LicenseStore,
  { licenseKey, machineId, isBlocked }: {
    licenseKey: string;
    machineId: string;
    isBlocked: boolean;
  },
  origin: AuditOrigin,
): Promise<void> {
  const decide = ({ license, machine }: StoredRecords): Decision<ChangeOutcome> => {
    if (license === undefined) return refuse(describeUnknownLicense(licenseKey));
    if (machine === undefined) return refuse(describeUnknownMachine(licenseKey, machineId));
    if ((machine.status === "BLOCKED") === isBlocked) {
      return refuse(`machine ${machineId} is ${isBlocked ? "already" : "not"} blocked`);
    }
    const action = isBlocked ? "machine.blocked" : "machine.unblocked";
    return {
      outcome: { kind: "done" },
      changes: [{
        kind: "set_machine_status",
        status: isBlocked ? "BLOCKED" : "RELEASED",
        audit: { action, ...origin },
      }],
    };
  };
  const outcome = await store.decide({ licenseKey, machineId }, decide);
  if (outcome.kind === "impossible") throw new SentinelError("usage.machine_state", outcome.why);
}

const DAY_MS = 86_400_000;

/** Activations of new or returning machines that a license of one machine may have in a day (UTC). */
const LEAST_PER_DAY = 100;

/** The same for each machine of a larger license. */
const PER_MACHINE = 10;

/**
 * Counts an activation that takes a place. `undefined` if the license has had too many of them today: machines that give
 * their place back and activate again would share it, have new grace each time, and fill the database.
 */
export function countActivation(
  { maxMachines, activationDay, dayActivations }: LicenseRecord,
  nowMs: number,
): Change | undefined {
  const day = Math.floor(nowMs / DAY_MS);
  const count = day === activationDay ? dayActivations + 1 : 1;
  if (count > getDailyActivations(maxMachines)) return undefined;
  return { kind: "count_activation", day, count };
}

/** Activations that a license may have in a day (UTC). */
export function getDailyActivations(maxMachines: number): number {
  return Math.max(LEAST_PER_DAY, PER_MACHINE * maxMachines);
}
