import { formatUtcDate } from "../license/payload.ts";
import {
  type ActivateRequest,
  type DecommissionAckRequest,
  type HeartbeatRequest,
  type LicenseStatus,
  MAX_CLOCK_SKEW_SECONDS,
} from "../activation/messages.ts";
import type { Json } from "../signing/canonical_json.ts";
import type { LicenseRecord, MachineRecord } from "./records.ts";
import { expiredRefusal, notYetActiveRefusal, type Refusal, REFUSALS } from "./refusals.ts";
import type { Change, Decision, Facts } from "./store.ts";

/** A request whose form, time and signature are in order. */
export interface GenuineRequest<Body> {
  readonly body: Body;
  /** The request's own, Unix seconds. */
  readonly timestampSeconds: number;
  /** When it is answered, milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** Where it came from, for the audit row. */
  readonly address: string;
}

/** UTF-16 units of a software version that are stored; the wire sets no limit, and it is only shown. */
const MAX_VERSION_LENGTH = 256;

/** The answer's fields, without those that every answer has. */
export type Outcome =
  | { readonly kind: "answer"; readonly fields: { readonly [name: string]: Json } }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Whether a machine may be activated: the license is for it, in force and in date, and there is room. A machine that is
 * already there needs no room, but its own key; one that was decommissioned does not come back.
 *
 * @param publicKeyPem The request's key in the form that is stored.
 */
export function decideActivation(
  { license, machine, isNonceUsed }: Facts,
  request: GenuineRequest<ActivateRequest>,
  publicKeyPem: string,
): Decision<Outcome> {
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  const closed = activationBar(license, request.nowMs);
  if (closed !== undefined) return refuse(closed);
  if (machine !== undefined && machine.publicKeyPem !== publicKeyPem) {
    return refuse(REFUSALS.machineKey);
  }
  if (machine?.status === "DECOMMISSIONED") return refuse(REFUSALS.decommissioned);
  if (machine === undefined && license.activeMachines >= license.maxMachines) {
    return refuse(REFUSALS.machineLimit);
  }
  return {
    outcome: { kind: "answer", fields: activationFields(license, request.body.machine_id) },
    changes: [rememberNonce(request), {
      kind: "put_machine",
      machine: activatedMachine(machine, request, publicKeyPem),
      audit: {
        action: machine === undefined ? "machine.activated" : "machine.reactivated",
        atMs: request.nowMs,
        actor: request.address,
      },
    }],
  };
}

/** A license that is no longer in force is news to the machine, not a fault of its request: a signed 200 tells it. */
export function decideHeartbeat(
  facts: Facts,
  request: GenuineRequest<HeartbeatRequest>,
): Decision<Outcome> {
  const { license, machine, isNonceUsed } = facts;
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (machine === undefined) return refuse(REFUSALS.machineUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  if (machine.status === "DECOMMISSIONED") return refuse(REFUSALS.decommissioned);
  return {
    outcome: {
      kind: "answer",
      fields: {
        status: heartbeatStatus(license, machine, request.nowMs),
        machine_id: machine.machineId,
        license_key: license.licenseKey,
        expiry_date: license.expiryDate,
        decommission_pending: isToLeave(machine),
      },
    },
    changes: [rememberNonce(request), {
      kind: "note_heartbeat",
      atMs: request.nowMs,
      softwareVersion: request.body.software_version.slice(0, MAX_VERSION_LENGTH),
    }],
  };
}

/** A machine says that it has left. Saying so again is answered alike, as the first answer may have been lost. */
export function decideAcknowledgement(
  { license, machine, isNonceUsed }: Facts,
  request: GenuineRequest<DecommissionAckRequest>,
): Decision<Outcome> {
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (machine === undefined) return refuse(REFUSALS.machineUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  if (machine.status === "ACTIVE") return refuse(REFUSALS.notPending);
  const leaves: Change[] = machine.status === "DECOMMISSIONED" ? [] : [{
    kind: "set_machine_status",
    status: "DECOMMISSIONED",
    audit: { action: "machine.decommissioned", atMs: request.nowMs, actor: request.address },
  }];
  return {
    outcome: {
      kind: "answer",
      fields: {
        status: "DECOMMISSIONED",
        machine_id: machine.machineId,
        license_key: license.licenseKey,
      },
    },
    changes: [rememberNonce(request), ...leaves],
  };
}

function activationBar(license: LicenseRecord, nowMs: number): Refusal | undefined {
  if (license.licenseType !== "STANDARD") return REFUSALS.hardwareBound;
  if (license.status === "REVOKED") return REFUSALS.revoked;
  if (license.status === "SUSPENDED") return REFUSALS.suspended;
  const today = formatUtcDate(nowMs);
  if (today > license.expiryDate) return expiredRefusal(license.expiryDate);
  if (today < license.issueDate) return notYetActiveRefusal(license.issueDate);
  return undefined;
}

/** The gravest first: what the vendor did for good, what passes, what the calendar did, what concerns one machine. */
function heartbeatStatus(
  license: LicenseRecord,
  machine: MachineRecord,
  nowMs: number,
): LicenseStatus {
  if (license.status !== "ACTIVE") return license.status;
  if (formatUtcDate(nowMs) > license.expiryDate) return "EXPIRED";
  return isToLeave(machine) ? "DECOMMISSION_PENDING" : "ACTIVE";
}

function isToLeave({ status }: MachineRecord): boolean {
  return status === "DECOMMISSION_PENDING" || status === "LOST";
}

function activationFields(
  license: LicenseRecord,
  machineId: string,
): { readonly [name: string]: Json } {
  return {
    status: "ACTIVE",
    machine_id: machineId,
    license_key: license.licenseKey,
    expiry_date: license.expiryDate,
    heartbeat_interval_minutes: license.heartbeatIntervalMinutes ?? null,
    heartbeat_grace_period_days: license.heartbeatGracePeriodDays ?? null,
    features: JSON.parse(license.featuresJson),
  };
}

function activatedMachine(
  known: MachineRecord | undefined,
  { body, nowMs }: GenuineRequest<ActivateRequest>,
  publicKeyPem: string,
): MachineRecord {
  return {
    licenseKey: body.license_key,
    machineId: body.machine_id,
    publicKeyPem,
    platform: body.platform,
    softwareVersion: body.software_version.slice(0, MAX_VERSION_LENGTH),
    status: known?.status ?? "ACTIVE",
    activatedAtMs: known?.activatedAtMs ?? nowMs,
    lastSeenAtMs: nowMs,
  };
}

function rememberNonce({ timestampSeconds, nowMs }: GenuineRequest<unknown>): Change {
  return {
    kind: "remember_nonce",
    uselessFromSeconds: timestampSeconds + MAX_CLOCK_SKEW_SECONDS + 1,
    nowSeconds: Math.floor(nowMs / 1000),
  };
}

function refuse(refusal: Refusal): Decision<Outcome> {
  return { outcome: { kind: "refused", refusal }, changes: [] };
}
