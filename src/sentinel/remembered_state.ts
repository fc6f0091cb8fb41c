import type { StandardLicense } from "../license/payload.ts";
import type { LicenseRecord, State } from "../state/state_file.ts";
import { fullGrace } from "./grace.ts";

/** The state of a machine that has never run. */
export function freshState(machineId: string): State {
  return {
    machine_id: machineId,
    last_responded_at_ms: 0,
    latest_known_ms: 0,
    counter: 0,
    has_outer_witness: false,
    is_unconfirmed: false,
    licenses: [],
  };
}

/** What is remembered of this licence; a new licence starts with its full grace and no activation. */
export function recordOf(state: State, license: StandardLicense): LicenseRecord {
  return state.licenses.find(({ license_key }) => license_key === license.license_key) ?? {
    license_key: license.license_key,
    activated: false,
    ...fullGrace(license.heartbeat_grace_period_days),
    is_decommissioned: false,
    forbidding_status: null,
    unpaid_ms: 0,
    last_alive: null,
  };
}

/** The state with this record in place of the licence's old one; every other licence's stays. */
export function withRecord(state: State, record: LicenseRecord): State {
  const others = state.licenses.filter(({ license_key }) => license_key !== record.license_key);
  return { ...state, licenses: [...others, record] };
}
