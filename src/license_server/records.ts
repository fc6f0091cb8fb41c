import type { License } from "../license/payload.ts";

/** The vendor's decision about a license. Expiry follows from the dates and is not stored. */
export type StoredLicenseStatus = "ACTIVE" | "SUSPENDED" | "REVOKED";

/**
 * A machine's life: activated, asked by the vendor to leave, decommissioned. A LOST machine is asked to leave too if it comes
 * back. A RELEASED one gave its place back by itself and may activate again; a BLOCKED one may not. Only ACTIVE and DECOMMISSION_PENDING machines
 * count.
 */
export type MachineStatus =
  | "ACTIVE"
  | "DECOMMISSION_PENDING"
  | "LOST"
  | "DECOMMISSIONED"
  | "RELEASED"
  | "BLOCKED";

/** A registered license. Dates are `YYYY-MM-DD`, UTC, both inclusive. */
export interface LicenseRecord {
  readonly licenseKey: string;
  readonly orgId: string;
  readonly softwareId: string;
  readonly licenseType: License["license_type"];
  readonly issueDate: string;
  readonly expiryDate: string;
  readonly maxMachines: number;
  /** JSON text of the features object. */
  readonly featuresJson: string;
  /** STANDARD licenses only, like the grace period. */
  readonly heartbeatIntervalMinutes: number | undefined;
  readonly heartbeatGracePeriodDays: number | undefined;
  readonly status: StoredLicenseStatus;
  /** Machines that count against `maxMachines`. */
  readonly activeMachines: number;
  /** Milliseconds since the Unix epoch. */
  readonly registeredAtMs: number;
  /** Whether a machine may give its place back by itself. */
  readonly allowsRelease: boolean;
  /** Whether it takes no new machines. */
  readonly isClosed: boolean;
  /** The day (since the Unix epoch) of the latest activation that took a place, and how many there were on it. */
  readonly activationDay: number;
  readonly dayActivations: number;
}

/** A machine under one license. Times in milliseconds since the Unix epoch. */
export interface MachineRecord {
  readonly licenseKey: string;
  /** UUID v4, in the machine's spelling. */
  readonly machineId: string;
  /** P-256, as `exportPublicKeyPem` writes it. */
  readonly publicKeyPem: string;
  readonly platform: string;
  readonly softwareVersion: string;
  readonly status: MachineStatus;
  readonly activatedAtMs: number;
  readonly lastSeenAtMs: number;
  /** The name that the machine gave itself; unsigned, for people. */
  readonly name: string | undefined;
  /** Where its latest request came from; unknown if that was before schema version 5. */
  readonly address: string | undefined;
  /** The chain of its requests; see `request_chain.ts`. */
  readonly chainJson: string | undefined;
  /** When two copies of its state were last seen in use. */
  readonly copiesSeenAtMs: number | undefined;
}
