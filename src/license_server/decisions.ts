import type { NonceLink } from "../activation/nonce_chain.ts";
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
import {
  type Refusal,
  REFUSALS,
  refuseBeyondLimit,
  refuseExpired,
  refuseNotYetActive,
  refuseTooManyActivations,
} from "./refusals.ts";
import { followChain } from "./request_chain.ts";
import { countActivation, getDailyActivations } from "./seats.ts";
import type { Audit, Change, Decision, StoredRecords } from "./store.ts";

/** A request that passed the checks of form, time and signature. */
export interface GenuineRequest<Body> {
  readonly body: Body;
  /** The request's timestamp header, Unix seconds. */
  readonly timestampSeconds: number;
  /** The server's time, milliseconds since the Unix epoch. */
  readonly nowMs: number;
  /** The client's address, for the audit row. */
  readonly address: string;
  /** The name that the machine gives itself. */
  readonly machineName?: string | undefined;
  /** The request's link to the one answered before; absent for clients of version 0.1. */
  readonly link?: NonceLink | undefined;
}

/** Stored UTF-16 units of a software version; the protocol sets no limit. */
const MAX_VERSION_LENGTH = 256;

/** A refusal, or the answer's fields without `request_nonce` and `responded_at`. */
export type RequestOutcome =
  | {
    readonly kind: "answer";
    readonly fields: { readonly [name: string]: Json };
    /** Whether this request shows that two copies of the machine's state are in use. */
    readonly findsCopies?: boolean;
  }
  | { readonly kind: "refused"; readonly refusal: Refusal };

/**
 * Decides an activation: the license must be STANDARD, active, in date and below its machine limit. A known machine may
 * activate again above the limit, with the same key only; a decommissioned one may not.
 *
 * @param publicKeyPem The request's key as `exportPublicKeyPem` writes it.
 */
export function decideActivation(
  { license, machine, isNonceUsed }: StoredRecords,
  request: GenuineRequest<ActivateRequest>,
  publicKeyPem: string,
): Decision<RequestOutcome> {
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  const refusal = findActivationRefusal(license, request.nowMs);
  if (refusal !== undefined) return refuse(refusal);
  if (machine !== undefined && machine.publicKeyPem !== publicKeyPem) {
    return refuse(REFUSALS.machineKey);
  }
  if (machine?.status === "DECOMMISSIONED") return refuse(REFUSALS.decommissioned);
  if (machine?.status === "BLOCKED") return refuse(REFUSALS.blocked);
  const isNew = machine === undefined || machine.status === "RELEASED";
  const place = isNew ? takePlace(license, request) : { changes: [], audit: {} };
  if ("refusal" in place) return refuse(place.refusal);
  const { chainJson, findsCopies, changes } = followRequest(license, machine, request);
  const fields = buildActivationFields(license, request.body.machine_id);
  return {
    outcome: { kind: "answer", fields, findsCopies },
    changes: [
      rememberNonce(request),
      {
        kind: "put_machine",
        machine: { ...buildActivatedMachine(machine, request, publicKeyPem), chainJson },
        ...place.audit,
      },
      ...place.changes,
      ...changes,
    ],
  };
}

/** Decides whether a machine gets a place. Repeated activations of a machine leave no audit row. */
function takePlace(
  license: LicenseRecord,
  { nowMs, address }: GenuineRequest<ActivateRequest>,
): { readonly changes: readonly Change[]; readonly audit: { readonly audit: Audit } } | {
  readonly refusal: Refusal;
} {
  const { activeMachines, maxMachines } = license;
  if (license.isClosed) return { refusal: REFUSALS.closed };
  if (activeMachines >= maxMachines) {
    return { refusal: refuseBeyondLimit(activeMachines, maxMachines) };
  }
  const counted = countActivation(license, nowMs);
  if (counted === undefined) {
    return { refusal: refuseTooManyActivations(getDailyActivations(maxMachines)) };
  }
  const audit = { action: "machine.activated", atMs: nowMs, actor: address };
  return { changes: [counted], audit: { audit } };
}

/** Decides a heartbeat. A license that is no longer active is reported in a signed 200, not as a refusal. */
export function decideHeartbeat(
  records: StoredRecords,
  request: GenuineRequest<HeartbeatRequest>,
): Decision<RequestOutcome> {
  const { license, machine, isNonceUsed } = records;
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (machine === undefined) return refuse(REFUSALS.machineUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  if (machine.status === "DECOMMISSIONED") return refuse(REFUSALS.decommissioned);
  // it did not hear that its place is free, and may activate again
  if (machine.status === "RELEASED") return refuse(REFUSALS.machineUnknown);
  const { chainJson, findsCopies, changes } = followRequest(license, machine, request);
  return {
    outcome: {
      kind: "answer",
      findsCopies,
      fields: {
        status: chooseHeartbeatStatus(license, machine, request.nowMs),
        machine_id: machine.machineId,
        license_key: license.licenseKey,
        expiry_date: license.expiryDate,
        decommission_pending: isLeaving(machine),
      },
    },
    changes: [rememberNonce(request), {
      kind: "note_heartbeat",
      atMs: request.nowMs,
      softwareVersion: request.body.software_version.slice(0, MAX_VERSION_LENGTH),
      address: request.address,
      chainJson,
    }, ...changes],
  };
}

/**
 * Decides an acknowledgement. An active machine, which nothing was asked of, gives its place back. Repeating it gets the same
 * answer, because the first one may have been lost.
 */
export function decideAcknowledgement(
  { license, machine, isNonceUsed }: StoredRecords,
  request: GenuineRequest<DecommissionAckRequest>,
): Decision<RequestOutcome> {
  if (license === undefined) return refuse(REFUSALS.licenseUnknown);
  if (machine === undefined) return refuse(REFUSALS.machineUnknown);
  if (isNonceUsed) return refuse(REFUSALS.nonceUsed);
  const isActive = machine.status === "ACTIVE";
  if (isActive && !license.allowsRelease) return refuse(REFUSALS.releaseForbidden);
  const hasLeft = ["DECOMMISSIONED", "RELEASED", "BLOCKED"].includes(machine.status);
  const departure: Change[] = hasLeft ? [] : [{
    kind: "set_machine_status",
    status: isActive ? "RELEASED" : "DECOMMISSIONED",
    audit: {
      action: isActive ? "machine.released" : "machine.decommissioned",
      atMs: request.nowMs,
      actor: request.address,
    },
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
    changes: [rememberNonce(request), ...departure],
  };
}

function findActivationRefusal(license: LicenseRecord, nowMs: number): Refusal | undefined {
  if (license.licenseType !== "STANDARD") return REFUSALS.hardwareBound;
  if (license.status === "REVOKED") return REFUSALS.revoked;
  if (license.status === "SUSPENDED") return REFUSALS.suspended;
  const today = formatUtcDate(nowMs);
  if (today > license.expiryDate) return refuseExpired(license.expiryDate);
  if (today < license.issueDate) return refuseNotYetActive(license.issueDate);
  return undefined;
}

/** Precedence: the vendor's decision, then expiry, then the machine's decommission. */
function chooseHeartbeatStatus(
  license: LicenseRecord,
  machine: MachineRecord,
  nowMs: number,
): LicenseStatus {
  if (license.status !== "ACTIVE") return license.status;
  if (formatUtcDate(nowMs) > license.expiryDate) return "EXPIRED";
  return isLeaving(machine) ? "DECOMMISSION_PENDING" : "ACTIVE";
}

function isLeaving({ status }: MachineRecord): boolean {
  return status === "DECOMMISSION_PENDING" || status === "LOST" || status === "BLOCKED";
}

function buildActivationFields(
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

function buildActivatedMachine(
  known: MachineRecord | undefined,
  { body, nowMs, machineName, address }: GenuineRequest<ActivateRequest>,
  publicKeyPem: string,
): Omit<MachineRecord, "chainJson"> {
  const before = known?.status === "RELEASED" ? undefined : known;
  return {
    licenseKey: body.license_key,
    machineId: body.machine_id,
    publicKeyPem,
    platform: body.platform,
    softwareVersion: body.software_version.slice(0, MAX_VERSION_LENGTH),
    status: before?.status ?? "ACTIVE",
    activatedAtMs: before?.activatedAtMs ?? nowMs,
    lastSeenAtMs: nowMs,
    name: machineName ?? known?.name,
    address,
    copiesSeenAtMs: known?.copiesSeenAtMs,
  };
}

const MINUTE_MS = 60_000, DAY_MS = 86_400_000;

/** Intervals without a request after which a copy counts as ended; at least a day, for software that runs now and then. */
const LONGEST_GAP_INTERVALS = 4;

/** Looks whether two copies of the machine's state are in use. It is for the vendor to see, and decides nothing. */
function followRequest(
  { heartbeatIntervalMinutes = 0 }: LicenseRecord,
  machine: MachineRecord | undefined,
  { link, nowMs, address }: GenuineRequest<unknown>,
): { chainJson: string | undefined; findsCopies: boolean; changes: readonly Change[] } {
  const known = machine?.chainJson;
  if (link === undefined) return { chainJson: known, findsCopies: false, changes: [] };
  const intervalMs = heartbeatIntervalMinutes * MINUTE_MS;
  const longestGapMs = Math.max(LONGEST_GAP_INTERVALS * intervalMs, DAY_MS);
  const { chainJson, copies } = followChain(known, link, { nowMs, longestGapMs });
  const findsCopies = copies === "found";
  const audit = { action: "machine.copies_suspected", atMs: nowMs, actor: address };
  const change: Change = { kind: "note_copies", atMs: nowMs, ...(findsCopies && { audit }) };
  return { chainJson, findsCopies, changes: copies === "none" ? [] : [change] };
}

function rememberNonce({ timestampSeconds, nowMs }: GenuineRequest<unknown>): Change {
  return {
    kind: "remember_nonce",
    expiresAtSeconds: timestampSeconds + MAX_CLOCK_SKEW_SECONDS + 1,
    nowSeconds: Math.floor(nowMs / 1000),
  };
}

function refuse(refusal: Refusal): Decision<RequestOutcome> {
  return { outcome: { kind: "refused", refusal }, changes: [] };
}
