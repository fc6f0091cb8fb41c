import type { License } from "../license/payload.ts";

/** What the vendor decided about a license; that it has expired is seen from its dates, not stored. */
export type StoredLicenseStatus = "ACTIVE" | "SUSPENDED" | "REVOKED";

/**
 * A machine's way: activated, asked to leave by the vendor, gone. One that is lost is asked to leave as well, should it come
 * back, but is not waited for. The lost and the gone no longer count.
 */
export type MachineStatus = "ACTIVE" | "DECOMMISSION_PENDING" | "LOST" | "DECOMMISSIONED";

/** A license as the server knows it. Dates are `YYYY-MM-DD`, UTC, both inclusive. */
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
  /** STANDARD licenses only, as the next. */
  readonly heartbeatIntervalMinutes: number | undefined;
  readonly heartbeatGracePeriodDays: number | undefined;
  readonly status: StoredLicenseStatus;
  /** Machines that count against `maxMachines`: all but the lost and the decommissioned. */
  readonly activeMachines: number;
  /** Milliseconds since the Unix epoch. */
  readonly registeredAtMs: number;
}

/** A machine under one license. Times in milliseconds since the Unix epoch. */
export interface MachineRecord {
  readonly licenseKey: string;
  /** UUID v4, as the machine writes it. */
  readonly machineId: string;
  /** SubjectPublicKeyInfo, P-256, in the one form that `exportPublicKeyPem` writes. */
  readonly publicKeyPem: string;
  readonly platform: string;
  readonly softwareVersion: string;
  readonly status: MachineStatus;
  readonly activatedAtMs: number;
  readonly lastSeenAtMs: number;
}
