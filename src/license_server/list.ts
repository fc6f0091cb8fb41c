import { formatUtcDate } from "../license/payload.ts";
import type { LicenseRecord, MachineRecord, MachineStatus } from "./records.ts";
import type { LicenseStore } from "./store.ts";

/** A license and its machines as `vendor list --json` prints them; times in RFC 3339, UTC. */
export interface LicenseListing {
  readonly license_key: string;
  readonly org_id: string;
  readonly software_id: string;
  readonly license_type: LicenseRecord["licenseType"];
  /** The status that a heartbeat reports, expiry included. */
  readonly status: "ACTIVE" | "SUSPENDED" | "REVOKED" | "EXPIRED";
  readonly issue_date: string;
  readonly expiry_date: string;
  readonly max_machines: number;
  /** Machines that count against the limit. */
  readonly active_machines: number;
  readonly registered_at: string;
  /** Whether machines may give their place back by themselves. */
  readonly allow_release: boolean;
  /** Whether it takes no new machines. */
  readonly closed: boolean;
  readonly machines: readonly MachineListing[];
}

interface MachineListing {
  readonly machine_id: string;
  /** The name that the machine gave itself; null if there is none. */
  readonly name: string | null;
  /** Where its latest request came from; null if that is not known. */
  readonly address: string | null;
  readonly status: MachineStatus;
  readonly platform: string;
  readonly software_version: string;
  readonly activated_at: string;
  readonly last_seen_at: string;
  /** When two copies of its state were last seen in use; null if they never were. */
  readonly copies_seen_at: string | null;
}

/** Lists licenses with their machines; `nowMs` (milliseconds since the Unix epoch) decides which are expired. */
export async function describeLicenses(
  store: LicenseStore,
  licenses: readonly LicenseRecord[],
  nowMs: number,
): Promise<LicenseListing[]> {
  const listings: LicenseListing[] = [];
  for (const license of licenses) {
    const machines = await store.listMachines(license.licenseKey);
    listings.push(describeLicense(license, machines, formatUtcDate(nowMs)));
  }
  return listings;
}

function describeLicense(
  license: LicenseRecord,
  machines: readonly MachineRecord[],
  today: string,
): LicenseListing {
  const hasExpired = license.status === "ACTIVE" && today > license.expiryDate;
  return {
    license_key: license.licenseKey,
    org_id: license.orgId,
    software_id: license.softwareId,
    license_type: license.licenseType,
    status: hasExpired ? "EXPIRED" : license.status,
    issue_date: license.issueDate,
    expiry_date: license.expiryDate,
    max_machines: license.maxMachines,
    active_machines: license.activeMachines,
    registered_at: formatTime(license.registeredAtMs),
    allow_release: license.allowsRelease,
    closed: license.isClosed,
    machines: machines.map((machine) => ({
      machine_id: machine.machineId,
      name: machine.name ?? null,
      address: machine.address ?? null,
      status: machine.status,
      platform: machine.platform,
      software_version: machine.softwareVersion,
      activated_at: formatTime(machine.activatedAtMs),
      last_seen_at: formatTime(machine.lastSeenAtMs),
      copies_seen_at: machine.copiesSeenAtMs === undefined
        ? null
        : formatTime(machine.copiesSeenAtMs),
    })),
  };
}

function formatTime(wallMs: number): string {
  return new Date(wallMs).toISOString();
}
